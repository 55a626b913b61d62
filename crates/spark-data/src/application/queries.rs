//! SQL queries, and what a native engine had of them.

use futures::future::try_join_all;
use hearth_wire::dataproc as pb;

use super::{Application, needed};
use crate::error::DataError;
use crate::page::{Page, Place};

impl Application {
    /// `sparkApplications.searchSqlQueries`.
    pub async fn search_queries(
        &self,
        request: &pb::SearchSessionSparkApplicationSqlQueriesRequest,
    ) -> Result<pb::SearchSessionSparkApplicationSqlQueriesResponse, DataError> {
        let page = Page::of(request)?;
        let asked = &request.operation_ids;
        let rows = self.source.queries().await?.into_iter().filter(|row| {
            asked.is_empty() || row.operations.iter().any(|operation| asked.contains(operation))
        });
        let rows = rows.map(|row| (Place::of(-row.query.execution_id, 0), row.query)).collect();
        let (queries, next_page_token) = page.cut(rows);
        let texts = request.details || request.plan_description;
        let whole = queries.into_iter().map(|query| async move {
            let found = if texts { self.source.query(query.execution_id).await? } else { None };
            let query = found.unwrap_or(query);
            Ok::<_, DataError>(hiding(query, request.details, request.plan_description))
        });
        Ok(pb::SearchSessionSparkApplicationSqlQueriesResponse {
            spark_application_sql_queries: try_join_all(whole).await?,
            next_page_token,
        })
    }

    /// `sparkApplications.accessSqlQuery`.
    pub async fn access_query(
        &self,
        request: &pb::AccessSessionSparkApplicationSqlQueryRequest,
    ) -> Result<pb::AccessSessionSparkApplicationSqlQueryResponse, DataError> {
        let id = needed(request.execution_id, "execution_id")?;
        let query = self.source.query(id).await?.ok_or_else(|| self.absent("SQL query", id))?;
        let query = hiding(query, request.details, request.plan_description);
        Ok(pb::AccessSessionSparkApplicationSqlQueryResponse { execution_data: Some(query) })
    }

    /// `sparkApplications.accessSqlPlan`.
    pub async fn access_plan(
        &self,
        request: &pb::AccessSessionSparkApplicationSqlSparkPlanGraphRequest,
    ) -> Result<pb::AccessSessionSparkApplicationSqlSparkPlanGraphResponse, DataError> {
        let id = needed(request.execution_id, "execution_id")?;
        let graph = self.source.plan(id).await?.ok_or_else(|| self.absent("SQL query", id))?;
        Ok(pb::AccessSessionSparkApplicationSqlSparkPlanGraphResponse { spark_plan_graph: Some(graph) })
    }

    /// `sparkApplications.searchNativeSqlQueries`.
    pub async fn search_native_queries(
        &self,
        request: &pb::SearchSessionSparkApplicationNativeSqlQueriesRequest,
    ) -> Result<pb::SearchSessionSparkApplicationNativeSqlQueriesResponse, DataError> {
        let page = Page::of(request)?;
        let queries = self.source.native_queries().await?;
        let rows = queries.into_iter().map(|query| (Place::of(-query.execution_id, 0), query)).collect();
        let (queries, next_page_token) = page.cut(rows);
        Ok(pb::SearchSessionSparkApplicationNativeSqlQueriesResponse {
            spark_application_native_sql_queries: queries,
            next_page_token,
        })
    }

    /// `sparkApplications.accessNativeSqlQuery`.
    pub async fn access_native_query(
        &self,
        request: &pb::AccessSessionSparkApplicationNativeSqlQueryRequest,
    ) -> Result<pb::AccessSessionSparkApplicationNativeSqlQueryResponse, DataError> {
        let id = needed(request.execution_id, "execution_id")?;
        let query = self.source.native_queries().await?.into_iter().find(|query| query.execution_id == id);
        let query = query.ok_or_else(|| self.absent("Native SQL query", id))?;
        Ok(pb::AccessSessionSparkApplicationNativeSqlQueryResponse { execution_data: Some(query) })
    }

    /// `sparkApplications.accessNativeBuildInfo`.
    pub async fn access_native_build(
        &self,
    ) -> Result<pb::AccessSessionSparkApplicationNativeBuildInfoResponse, DataError> {
        let execution_data = self.source.native_build().await?;
        Ok(pb::AccessSessionSparkApplicationNativeBuildInfoResponse { execution_data })
    }
}

/// A query without what is not wanted of it.
fn hiding(mut query: pb::SqlExecutionUiData, details: bool, plan: bool) -> pb::SqlExecutionUiData {
    if !details {
        query.details.clear();
        query.metrics.clear();
        query.metric_values.clear();
        query.metric_values_is_null = false;
    }
    if !plan {
        query.physical_plan_description.clear();
    }
    query
}
