package config

// Version is the semantic version of this program: https://semver.org
const Version = "0.1.0"

// VersionLabel is the label on every workload that holds the Version which last deployed it.
const VersionLabel = Project + "/version"
