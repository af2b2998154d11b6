package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Threshold is a value beyond which an alert fires.
type Threshold struct {
	Value float64 // of a duration, seconds; of a percentage, its hundredth
	Unit  ThresholdUnit

	text string
}

// ThresholdUnit is how a threshold is written.
type ThresholdUnit string

// The ways to write a threshold.
const (
	Number     ThresholdUnit = "number"
	Percentage ThresholdUnit = "percentage"
	Seconds    ThresholdUnit = "duration"
)

var (
	numberText     = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	percentageText = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?%$`)
)

func (t *Threshold) UnmarshalText(text []byte) error {
	t.text = string(text)
	switch {
	case numberText.Match(text):
		t.Unit = Number
		t.Value, _ = strconv.ParseFloat(t.text, 64)
	case percentageText.Match(text):
		t.Unit = Percentage
		t.Value, _ = strconv.ParseFloat(strings.TrimSuffix(t.text, "%")+"e-2", 64)
	default:
		var length Duration
		if err := length.UnmarshalText(text); err != nil {
			return fmt.Errorf("neither a number, a percentage nor a duration")
		}
		t.Unit, t.Value = Seconds, length.Seconds()
	}
	return nil
}

func (Threshold) Allowed() string {
	return "a number, a percentage such as 85%, or a duration such as 21d"
}

func (t Threshold) String() string { return t.text }

func (t Threshold) MarshalText() ([]byte, error) { return []byte(t.text), nil }

// threshold returns the Threshold that s denotes. It panics if s is invalid.
func threshold(s string) Threshold {
	var t Threshold
	if err := t.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return t
}
