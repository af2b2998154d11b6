package main

import "github.com/prometheus/client_golang/prometheus"

const defaultDisabled = false

func init() { register(defaultDisabled) }

func register(bool) { prometheus.NewGauge(prometheus.GaugeOpts{Name: "program_off"}) }
