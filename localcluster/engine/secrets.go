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

// setSecrets gives the copy of the stack's config every secret that it lacks and
// must have: a random one, that stays the same for as long as the state folder.
func (e *Engine) setSecrets(ctx context.Context) error {
	missing, err := config.MissingSecrets(filepath.Join(e.Dir, stackFile))
	if err != nil {
		return err
	}
	for _, path := range missing {
		secret, err := e.secret(path)
		if err != nil {
			return err
		}
		set := e.Command(ctx, "config", "set", "--secret", "--path", config.Project+":"+path)
		set.Stdin = strings.NewReader(secret) // not an argument, which others could see
		if output, err := set.CombinedOutput(); err != nil {
			return fmt.Errorf("setting the secret %s: %w: %s", path, err, output)
		}
	}
	return nil
}

// secret returns the value made for a config path.
func (e *Engine) secret(path string) (string, error) { return keptText(e.Secret(path)) }

// Secret is the file with the value made for a config path.
func (e *Engine) Secret(path string) string { return filepath.Join(e.Dir, "secrets", path) }

// keptText returns what a file holds, after writing a random text to it if there
// is no such file yet.
func keptText(path string) (string, error) {
	data, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(data), err
	}
	text := rand.Text()
	return text, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
}
