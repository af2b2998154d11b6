package node

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Targets counts the targets of Prometheus that are up, and lists the others.
type Targets struct {
	Up   int
	Down []string // "JOB INSTANCE: LAST ERROR"
}

// AwaitTargets waits until all targets of the Prometheus in a namespace are up, or the
// context ends, and returns its last answer. It returns an error if Prometheus never
// answered. It connects through the API server.
func (n *Node) AwaitTargets(ctx context.Context, namespace string) (*Targets, error) {
	var last *Targets
	for {
		targets, err := n.targets(ctx, namespace)
		if err == nil {
			last = targets
			if len(targets.Down) == 0 && targets.Up > 0 {
				return last, nil
			}
		}
		select {
		case <-ctx.Done():
			if last == nil {
				return nil, fmt.Errorf("Prometheus does not report its targets: %w", err)
			}
			return last, nil
		case <-time.After(time.Second):
		}
	}
}

func (n *Node) targets(ctx context.Context, namespace string) (*Targets, error) {
	client, err := n.client()
	if err != nil {
		return nil, err
	}
	data, err := client.CoreV1().Services(namespace).
		ProxyGet("http", "prometheus", "web", "/api/v1/targets", map[string]string{"state": "active"}).DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			ActiveTargets []struct {
				Labels    map[string]string
				Health    string
				LastError string
			}
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, err
	}
	targets := &Targets{}
	for _, t := range answer.Data.ActiveTargets {
		if t.Health == "up" {
			targets.Up++
		} else {
			targets.Down = append(targets.Down, fmt.Sprintf("%s %s: %s", t.Labels["job"], t.Labels["instance"], t.LastError))
		}
	}
	return targets, nil
}
