//! What an application runs with.

use std::collections::BTreeMap;

use super::{Into_, record};

/// Names and values, which Spark writes as lists of two.
type Pairs = Vec<(String, String)>;

impl Into_<BTreeMap<String, String>> for Pairs {
    fn convert(self) -> BTreeMap<String, String> {
        self.into_iter().collect()
    }
}

record! {
    /// The answer of `/environment`. Secrets in it are redacted by Spark.
    Environment => ApplicationEnvironmentInfo {
        runtime -> runtime: Option<Runtime>,
        spark_properties -> spark_properties: Pairs,
        hadoop_properties -> hadoop_properties: Pairs,
        system_properties -> system_properties: Pairs,
        metrics_properties -> metrics_properties: Pairs,
        classpath_entries -> classpath_entries: Pairs,
        resource_profiles -> resource_profiles: Vec<ResourceProfile>,
    }
}

record! {
    /// Its Java and Scala.
    Runtime => SparkRuntimeInfo {
        java_version -> java_version: String,
        java_home -> java_home: String,
        scala_version -> scala_version: String,
    }
}

record! {
    /// A resource profile.
    ResourceProfile => ResourceProfileInfo {
        id -> resource_profile_id: i32,
        executor_resources -> executor_resources: BTreeMap<String, ExecutorResource>,
        task_resources -> task_resources: BTreeMap<String, TaskResource>,
    }
}

record! {
    /// What an executor is asked for.
    ExecutorResource => ExecutorResourceRequest {
        resource_name -> resource_name: String,
        amount -> amount: i64,
        discovery_script -> discovery_script: String,
        vendor -> vendor: String,
    }
}

record! {
    /// What a task takes.
    TaskResource => TaskResourceRequest {
        resource_name -> resource_name: String,
        amount -> amount: f64,
    }
}
