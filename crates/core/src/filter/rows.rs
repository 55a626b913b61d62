//! Sessions, operations and templates as filters see them.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{Row, TextField};
use crate::config::{Kernel, SessionKind};
use crate::operation::{Operation, OperationKind};
use crate::session::{Session, StateLabel};
use crate::template::Template;

impl Row for Session {
    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn text(&self, field: TextField) -> Option<Cow<'_, str>> {
        match field {
            TextField::SessionId => Some(self.name.id().into()),
            TextField::SessionUuid => Some(self.uuid.to_string().into()),
            TextField::OperationSession
            | TextField::Name
            | TextField::Description
            | TextField::DisplayName
            | TextField::Creator => None,
        }
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.config.labels.get(key).map(String::as_str)
    }

    fn state(&self) -> Option<StateLabel> {
        Some(self.state.label())
    }
}

impl Row for Operation {
    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn text(&self, field: TextField) -> Option<Cow<'_, str>> {
        match field {
            TextField::OperationSession => Some(self.session.to_string().into()),
            TextField::SessionId
            | TextField::SessionUuid
            | TextField::Name
            | TextField::Description
            | TextField::DisplayName
            | TextField::Creator => None,
        }
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    fn done(&self) -> Option<bool> {
        Some(self.done.is_some())
    }

    fn operation_kind(&self) -> Option<OperationKind> {
        Some(self.kind)
    }
}

impl Row for Template {
    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn text(&self, field: TextField) -> Option<Cow<'_, str>> {
        match field {
            TextField::Name => Some(self.name.to_string().into()),
            TextField::Description => Some(self.description.as_str().into()),
            TextField::DisplayName => Some(self.display_name.as_str().into()),
            TextField::Creator => Some(self.creator.as_str().into()),
            TextField::SessionId | TextField::SessionUuid | TextField::OperationSession => None,
        }
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    fn kernel(&self) -> Option<Kernel> {
        match &self.config.kind {
            // A Jupyter session that names no kernel gets Python (contract, section 6).
            Some(SessionKind::Jupyter { kernel, .. }) => Some(kernel.unwrap_or(Kernel::Python)),
            Some(SessionKind::SparkConnect) | None => None,
        }
    }
}
