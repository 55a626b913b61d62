//! What sessions have used.

use hearth_wire::hearth::usage_reports_client::UsageReportsClient;
use hearth_wire::hearth::{GetUsageRequest, Usage};

use crate::client::{Client, LARGEST_ANSWER};
use crate::error::ClientError;

impl Client {
    /// What sessions used, added up as the request says.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn usage(&self, request: GetUsageRequest) -> Result<Usage, ClientError> {
        self.repeat(request, |service, request| async move {
            UsageReportsClient::new(service)
                .max_decoding_message_size(LARGEST_ANSWER)
                .get_usage(request)
                .await
        })
        .await
    }
}
