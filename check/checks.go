package check

// Checks lists every check in the order of a sample's life: scraped, queried, alerted on,
// stored. docs/checks.md lists them too.
var Checks = []Check{
	{"metric-collected", "Every metric that an expression selects is collected by an enabled job.", metricCollected},
	{"metric-kept", "No metric that an expression selects is dropped by relabelling.", metricKept},
	{"job-known", "The jobs that an expression selects exist and have the metric.", jobKnown},
	{"label-known", "The labels that an expression selects by exist, with values that discovery sets.", labelKnown},
	{"bucket-kept", "The histogram buckets that an expression selects exist and are kept.", bucketKept},
	{"rule-records", "Every recorded series that an expression selects is recorded by a rule.", ruleRecords},
	{"rule-order", "Within a group a series is recorded before it is used.", ruleOrder},
	{"range-covers", "Rates are calculated over at least four scrape intervals.", rangeCovers},
	{"range-retained", "No range or offset is longer than the retention.", rangeRetained},
	{"series-fresh", "Scrapes and recording rules repeat before their series are stale.", seriesFresh},
	{"for-evaluated", "An alert's for and keep_firing_for last at least until the next evaluation.", forEvaluated},
	{"group-in-time", "A group of rules is evaluated before its next evaluation.", groupInTime},
	{"match-possible", "The two sides of an operation have the labels that they are matched by, and enough to tell replicas apart.", matchPossible},
	{"grouping-known", "The labels that an expression aggregates, matches or copies by are labels that its series can have.", groupingKnown},
	{"template-labels", "The labels that an alert's annotations and labels refer to are labels that its expression has.", templateLabels},
	{"alert-routed", "Every alert reaches a receiver that notifies somebody.", alertRouted},
	{"object-size", "Every ConfigMap, and its annotations, fit into a Kubernetes object.", objectSize},
	{"sample-limit", "A job's sample limit is above what its targets are known to expose.", sampleLimit},
	{"storage-persistent", "Samples and silences outlive their pods.", storagePersistent},
	{"retention-fits", "The estimated samples of the whole retention fit onto the disk.", retentionFits},
	{"memory-fits", "The server's memory suffices for the estimated series.", memoryFits},
	{"replicas-placed", "There are enough nodes to keep replicas apart.", replicasPlaced},
	{"namespace-admits", "The namespace admits the pods that need the host.", namespaceAdmits},
}
