package config

// Decode decodes the values of a stack: top-level key, without the project in front, to the
// JSON or YAML value. The error is every violation, as Problems.
func Decode(values map[string]any) (*Config, error) {
	cfg, problems := load(values, func(string) bool { return false })
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return cfg, nil
}
