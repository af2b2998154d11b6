package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

func silencesFile(dir string) string { return filepath.Join(dir, "silences.json") }

// backupAlertmanager writes the silences that have not ended.
func (s *Stack) backupAlertmanager(ctx context.Context, dir string) error {
	if !s.Config.Alerting.Enabled {
		return nil
	}
	silences, err := s.silences(ctx)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(silences, "", "  ")
	if err != nil {
		return err
	}
	s.Report("%s: %d silence(s)", filepath.Base(silencesFile(dir)), len(silences))
	return os.WriteFile(silencesFile(dir), append(text, '\n'), 0o600)
}

// silences returns the silences of Alertmanager that have not ended.
func (s *Stack) silences(ctx context.Context) ([]models.Silence, error) {
	text, err := s.get(ctx, s.alertmanager(), render.Alertmanager, "/api/v2/silences")
	if err != nil {
		return nil, err
	}
	var all models.GettableSilences
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("silences of %s: %w", s.alertmanager(), err)
	}
	silences := []models.Silence{}
	for _, silence := range all {
		if *silence.Status.State != models.SilenceStatusStateExpired {
			silences = append(silences, silence.Silence)
		}
	}
	return silences, nil
}

// alertmanager returns the name of the pod that is asked: the replicas have the same silences.
func (s *Stack) alertmanager() string { return render.Alertmanager.Name + "-0" }

// restoreAlertmanager creates the silences that have not ended by now, and that Alertmanager does not have.
func (s *Stack) restoreAlertmanager(ctx context.Context, dir string) error {
	if !s.Config.Alerting.Enabled || !s.exists(silencesFile(dir)) {
		return nil
	}
	text, err := os.ReadFile(silencesFile(dir))
	if err != nil {
		return err
	}
	var silences []models.Silence
	if err := json.Unmarshal(text, &silences); err != nil {
		return fmt.Errorf("%s: %w", silencesFile(dir), err)
	}
	present, err := s.silences(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, silence := range present {
		known[identity(silence)] = true
	}
	restored := 0
	for _, silence := range silences {
		if known[identity(silence)] || time.Time(*silence.EndsAt).Before(time.Now()) {
			continue
		}
		text, err := json.Marshal(models.PostableSilence{Silence: silence})
		if err != nil {
			return err
		}
		if _, err := s.post(ctx, s.alertmanager(), render.Alertmanager, "/api/v2/silences", string(text)); err != nil {
			return err
		}
		restored++
	}
	s.Report("%s: %d of %d silence(s)", s.alertmanager(), restored, len(silences))
	return nil
}

// identity returns what tells a silence from others: whatever is in it but when it starts, which is now for one that
// is restored.
func identity(silence models.Silence) string {
	silence.StartsAt = nil
	text, err := json.Marshal(silence)
	if err != nil {
		return ""
	}
	return string(text)
}
