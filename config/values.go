package config

import (
	"bytes"
	"fmt"
	"net/url"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Duration is a length of time in Prometheus' notation: 30s, 5m, 2h, 15d, 1y.
type Duration struct{ time.Duration }

func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := model.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("not a duration")
	}
	d.Duration = time.Duration(parsed)
	return nil
}

func (Duration) Allowed() string { return "a duration in Prometheus' notation, such as 30s, 5m or 15d" }

func (d Duration) String() string { return model.Duration(d.Duration).String() }

func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Quantity is an amount in Kubernetes' notation: 500m (CPU), 2Gi (memory, disk).
type Quantity struct{ resource.Quantity }

func (q *Quantity) UnmarshalText(text []byte) error {
	parsed, err := resource.ParseQuantity(string(text))
	amount := bytes.TrimLeft(text, "+-.")
	if err != nil || len(amount) == 0 || !unicode.IsDigit(rune(amount[0])) { // Kubernetes reads a unit alone as 0
		return fmt.Errorf("not a quantity")
	}
	if parsed.Sign() < 0 {
		return fmt.Errorf("negative")
	}
	q.Quantity = parsed
	return nil
}

func (Quantity) Allowed() string {
	return `a quantity in Kubernetes' notation, such as "500m" or "2Gi"`
}

func (q Quantity) String() string { return q.Quantity.String() }

func (q Quantity) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// quantity returns the Quantity that s denotes. It panics if s is invalid.
func quantity(s string) Quantity { return Quantity{resource.MustParse(s)} }

func duration(d time.Duration) Duration { return Duration{d} }

// URL is an absolute http or https URL.
type URL struct{ string }

func (u *URL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return fmt.Errorf("not an absolute URL")
	}
	u.string = string(text)
	return nil
}

func (URL) Allowed() string { return "an absolute http:// or https:// URL" }

func (u URL) String() string { return u.string }

func (u URL) MarshalText() ([]byte, error) { return []byte(u.string), nil }
