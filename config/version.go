package config

// Version is the version of this program, by https://semver.org.
const Version = "0.1.0"

// VersionLabel is the label of every workload with the Version that deployed it last.
const VersionLabel = Project + "/version"
