//! Properties of Spark SQL that a running Spark takes, one Spark session at a time.
//!
//! A list, not a prefix: static settings begin with `spark.sql.` as well (warehouse, extensions, catalogs), and only a
//! launch can set those. A value is checked here, so that a wrong one fails the session at its launch, with Spark's
//! words, and not its first query.

use self::Kind::{Bytes, Count, OneOf, Switch};

/// What values a property takes.
enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number from 1 on.
    Count,
    /// A size: a number, in bytes unless it has a unit; minus one where that means none.
    Bytes,
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
}

/// The properties, from the tables of Spark's pages "Configuration" and "Performance Tuning"; all are in 4.0 to 4.3.
const SETTABLE: [(&str, Kind); 39] = [
    ("spark.sql.adaptive.advisoryPartitionSizeInBytes", Bytes),
    ("spark.sql.adaptive.coalescePartitions.enabled", Switch),
    ("spark.sql.adaptive.coalescePartitions.initialPartitionNum", Count),
    ("spark.sql.adaptive.coalescePartitions.parallelismFirst", Switch),
    ("spark.sql.adaptive.enabled", Switch),
    ("spark.sql.adaptive.localShuffleReader.enabled", Switch),
    ("spark.sql.adaptive.skewJoin.enabled", Switch),
    ("spark.sql.ansi.enabled", Switch),
    ("spark.sql.autoBroadcastJoinThreshold", Bytes),
    ("spark.sql.caseSensitive", Switch),
    ("spark.sql.cbo.enabled", Switch),
    ("spark.sql.cbo.joinReorder.enabled", Switch),
    ("spark.sql.execution.arrow.maxRecordsPerBatch", Count),
    ("spark.sql.execution.arrow.pyspark.enabled", Switch),
    ("spark.sql.execution.arrow.pyspark.fallback.enabled", Switch),
    ("spark.sql.execution.pythonUDF.arrow.enabled", Switch),
    ("spark.sql.files.ignoreCorruptFiles", Switch),
    ("spark.sql.files.ignoreMissingFiles", Switch),
    ("spark.sql.files.maxPartitionBytes", Bytes),
    ("spark.sql.files.maxRecordsPerFile", Count),
    ("spark.sql.files.openCostInBytes", Bytes),
    ("spark.sql.hive.convertMetastoreParquet", Switch),
    ("spark.sql.inMemoryColumnarStorage.batchSize", Count),
    ("spark.sql.inMemoryColumnarStorage.compressed", Switch),
    ("spark.sql.optimizer.dynamicPartitionPruning.enabled", Switch),
    ("spark.sql.orc.filterPushdown", Switch),
    ("spark.sql.parquet.binaryAsString", Switch),
    ("spark.sql.parquet.compression.codec", OneOf(&["none", "uncompressed", "snappy", "gzip", "zstd"])),
    ("spark.sql.parquet.filterPushdown", Switch),
    ("spark.sql.parquet.mergeSchema", Switch),
    ("spark.sql.repl.eagerEval.enabled", Switch),
    ("spark.sql.repl.eagerEval.maxNumRows", Count),
    ("spark.sql.session.timeZone", OneOf(&["UTC"])),
    ("spark.sql.shuffle.partitions", Count),
    ("spark.sql.sources.bucketing.enabled", Switch),
    ("spark.sql.sources.parallelPartitionDiscovery.threshold", Count),
    ("spark.sql.sources.partitionColumnTypeInference.enabled", Switch),
    ("spark.sql.sources.partitionOverwriteMode", OneOf(&["static", "dynamic"])),
    ("spark.sql.storeAssignmentPolicy", OneOf(&["ansi", "legacy", "strict"])),
];

/// The units of sizes (Spark's `JavaUtils.byteStringAs`).
const UNITS: [&str; 10] = ["", "b", "k", "kb", "m", "mb", "g", "gb", "t", "tb"];

/// More digits than any sensible size has, and few enough that every unit fits.
const DIGITS: usize = 6;

/// Whether a running Spark takes this property with this value, and means the same by it as one launched with it.
pub fn settable(key: &str, value: &str) -> bool {
    let Ok(at) = SETTABLE.binary_search_by_key(&key, |(known, _)| known) else { return false };
    match &SETTABLE[at].1 {
        Switch => matches!(value, "true" | "false"),
        Count => value.parse::<i32>().is_ok_and(|count| count > 0),
        Bytes => is_size(value),
        OneOf(words) => words.iter().any(|word| word.eq_ignore_ascii_case(value)),
    }
}

fn is_size(value: &str) -> bool {
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    let bare = unit.is_empty() && number.parse::<i32>().is_ok();
    let short = !number.is_empty() && number.len() <= DIGITS;
    bare || short && UNITS.iter().any(|known| known.eq_ignore_ascii_case(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_so_that_it_can_be_searched() {
        assert!(SETTABLE.is_sorted_by_key(|(key, _)| *key));
    }

    #[test]
    fn what_a_running_spark_takes_is_told_from_what_only_a_launch_can_set() {
        for (key, value) in [
            ("spark.sql.shuffle.partitions", "3"),
            ("spark.sql.adaptive.enabled", "false"),
            ("spark.sql.files.maxPartitionBytes", "64MB"),
            ("spark.sql.autoBroadcastJoinThreshold", "10485760"),
            ("spark.sql.sources.partitionOverwriteMode", "DYNAMIC"),
        ] {
            assert!(settable(key, value), "{key} {value}");
        }
        for (key, value) in [
            // Static.
            ("spark.sql.warehouse.dir", "/w"),
            ("spark.sql.extensions", "x.Y"),
            ("spark.sql.catalogImplementation", "hive"),
            ("spark.sql.catalog.lake", "x.Y"),
            ("spark.driver.memory", "2g"),
            // Wrong, which a launch tells.
            ("spark.sql.shuffle.partitions", "many"),
            ("spark.sql.shuffle.partitions", "0"),
            ("spark.sql.adaptive.enabled", "yes"),
            ("spark.sql.files.maxPartitionBytes", "64 MB"),
            ("spark.sql.files.maxPartitionBytes", ""),
            ("spark.sql.files.maxPartitionBytes", "99999999999999999999"),
            ("spark.sql.sources.partitionOverwriteMode", "some"),
        ] {
            assert!(!settable(key, value), "{key} {value}");
        }
    }
}
