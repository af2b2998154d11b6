package config

// Decode decodes the values of a stack by top-level key without the project's prefix. Secrets are
// decrypted. The error is Problems.
func Decode(values map[string]any) (*Config, error) {
	cfg, problems := load(values, func(string) bool { return false })
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return cfg, nil
}
