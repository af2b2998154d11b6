package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// setSecrets sets the required secrets that the copied config does not have to random
// values, which remain the same as long as the state directory exists.
func (e *Engine) setSecrets(ctx context.Context) error {
	missing, err := config.MissingSecrets(filepath.Join(e.Dir, StackFile(e.Stack)))
	if err != nil {
		return err
	}
	for _, path := range missing {
		secret, err := e.secret(path)
		if err != nil {
			return err
		}
		if err := e.SetSecret(ctx, path, secret); err != nil {
			return err
		}
	}
	return nil
}

// SetSecret sets a secret value of the copied config, as Set does.
func (e *Engine) SetSecret(ctx context.Context, path, value string) error {
	set := e.Command(ctx, "config", "set", "--secret", "--path", config.Project+":"+path)
	set.Stdin = strings.NewReader(value) // not as an argument, which other users can see
	if output, err := set.CombinedOutput(); err != nil {
		return fmt.Errorf("setting the secret %s: %w: %s", path, err, output)
	}
	return nil
}

// ObjectStoreKey returns the secret key of the demo's object store.
func (e *Engine) ObjectStoreKey() (string, error) { return e.secret("object-store") }

// secret returns the random value of a config path.
func (e *Engine) secret(path string) (string, error) { return ensureRandomText(e.Secret(path)) }

// Secret returns the path of the file with the random value of a config path, or the
// directory of these files if path is empty.
func (e *Engine) Secret(path string) string { return filepath.Join(e.Dir, "secrets", path) }

// ensureRandomText returns the content of a file, which it creates with a random text if
// the file does not exist.
func ensureRandomText(path string) (string, error) {
	data, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(data), err
	}
	text := rand.Text()[:24] // a key of AES is as long
	return text, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
}
