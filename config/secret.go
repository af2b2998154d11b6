package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Secret is a value that reaches a process only through a Kubernetes Secret: one that the program
// creates with a value of the stack, or one that exists. It prints as [secret], so that no log or
// error shows it.
type Secret struct {
	value    *string    // a pointer, which no verb of fmt follows; nil if it is in an existing Secret
	existing *SecretKey // nil if the stack has the value
}

func (s *Secret) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return fmt.Errorf("empty")
	}
	value := string(text)
	s.value = &value
	return nil
}

func (Secret) Allowed() string {
	return "a non-empty string, set with `pulumi config set --secret`, or {secret: NAME, key: KEY} of an existing Secret"
}

// Existing returns where the value is if it is in an existing Secret; false if the stack has it.
func (s Secret) Existing() (SecretKey, bool) {
	if s.existing == nil {
		return SecretKey{}, false
	}
	return *s.existing, true
}

// Reveal returns the plain value, for a Kubernetes Secret and nothing else; "" if it is in an existing
// Secret, which this program does not read.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// encrypted stands for the value of a secret in a stack file that is read without decrypting it.
const encrypted = "[encrypted]"

// Known returns the plain value, to validate it; false if it is in an existing Secret, encrypted or not set.
func (s Secret) Known() (string, bool) {
	value := s.Reveal()
	return value, value != "" && value != encrypted
}

// NewSecret returns the Secret of a text that is composed of secrets.
func NewSecret(value string) Secret { return Secret{value: &value} }

// IsSet reports whether the stack sets the secret, or names an existing one.
func (s Secret) IsSet() bool { return s.existing != nil || s.Reveal() != "" }

func (Secret) String() string { return "[secret]" }

func (Secret) GoString() string { return "[secret]" }

// MarshalJSON returns the name and key of an existing Secret, and otherwise no more than [secret].
func (s Secret) MarshalJSON() ([]byte, error) {
	if s.existing != nil {
		return json.Marshal(s.existing)
	}
	return json.Marshal(s.String())
}

// validateSecretNames rejects names that are not valid Secret keys.
func validateSecretNames(path string, secrets map[string]Secret) Problems {
	var p Problems
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		p.invalid(path, name, validation.IsConfigMapKey(name))
	}
	return p
}

// SecretCommand returns the command that sets the secret at a config path.
func SecretCommand(path string) string {
	return fmt.Sprintf("pulumi config set --secret --path '%s:%s'", Project, path)
}

// SetSecret says how to set the secret at a config path, for the messages about one that is missing.
func SetSecret(path string) string {
	return "set it with: " + SecretCommand(path) + "; or name an existing Secret there: {secret: NAME, key: KEY}"
}

// notSecret returns the Problem of an encrypted value at a path that is not a secret.
func notSecret(path string) Problem {
	return Problem{Path: path, notSecret: true, Message: "is encrypted, but this setting is stored in clear text in the cluster's ConfigMaps and the stack's state; " +
		"put secrets into prometheus.secrets, longTermStorage.objectStore.secrets, exporters.blackboxExporter.secrets, alerting.secrets or grafana.secrets, and refer to their files here"}
}

// isEncrypted reports whether a value is {secure: CIPHERTEXT}, as stack files have encrypted ones.
func isEncrypted(in any) bool {
	object, ok := in.(map[string]any)
	if !ok || len(object) != 1 {
		return false
	}
	_, ok = object["secure"].(string)
	return ok
}

// holdsSecrets reports whether values of a type can contain a Secret.
func holdsSecrets(t reflect.Type) bool {
	if _, ok := reflect.New(t).Interface().(text); ok {
		return t == reflect.TypeFor[Secret]()
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return holdsSecrets(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsSecrets(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
