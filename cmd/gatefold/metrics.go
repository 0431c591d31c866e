package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are read when the page is asked for: nothing is kept twice.
func (s *server) metrics() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, f func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "gatefold", Name: name, Help: help}, f))
	}
	counter := func(name, help string, f func() float64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "gatefold", Name: name, Help: help}, f))
	}
	s.sessionMetrics(gauge, counter)
	s.recorderMetrics(gauge, counter)
	s.evidenceMetrics(gauge, counter)
	s.followerMetrics(gauge, counter)
	return reg
}

type metric func(name, help string, f func() float64)

func (s *server) sessionMetrics(gauge, counter metric) {
	c := &s.gateway.Counters
	gauge("sessions", "Sessions open now.", func() float64 { return float64(c.Open.Load()) })
	counter("sessions_opened_total", "Sessions let in.", func() float64 { return float64(c.Opened.Load()) })
	counter("logins_refused_total", "Connections that never became a session, of any cause.", func() float64 { return float64(c.TurnedAway.Load()) })
	counter("actions_asked_total", "Statements and steps that were asked of policy.", func() float64 { return float64(c.Asked.Load()) })
	counter("actions_denied_total", "Statements and steps that policy refused.", func() float64 { return float64(c.Denied.Load()) })
	counter("actions_watched_total", "Statements and steps that a rule with @watch let pass.", func() float64 { return float64(c.Watched.Load()) })
	counter("actions_not_recorded_total", "Statements refused because the journal had no room.", func() float64 { return float64(c.NotRecorded.Load()) })
	counter("actions_lost_total", "Statements that ran unrecorded on a best_effort target.", func() float64 { return float64(c.Lost.Load()) })
	counter("append_sampled_total", "Appends to the journal that were timed, one in 64.", func() float64 { return float64(c.Appends.Load()) })
	counter("append_sampled_seconds_total", "Time that they took.", func() float64 { return time.Duration(c.AppendNanos.Load()).Seconds() })
}

func (s *server) recorderMetrics(gauge, counter metric) {
	r := s.rooms.recorder
	gauge("journal_bytes", "Bytes of the journal's segments on disk.", func() float64 { return float64(r.Stats().Journal.Bytes) })
	gauge("journal_reserved_bytes", "Bytes kept free in the journal for results and closes.", func() float64 { return float64(r.Stats().Journal.Held) })
	gauge("archive_lag_bytes", "Bytes of records that are in the journal and not yet in the archive.", func() float64 { return float64(r.Stats().Lag) })
	gauge("archive_lag_seconds", "Age of the oldest record that is not yet in the archive.", func() float64 {
		at := r.Stats().Oldest
		if at.IsZero() {
			return 0
		}
		return time.Since(at).Seconds()
	})
	counter("blocks_sealed_total", "Blocks put into the archive.", func() float64 { return float64(r.Stats().Blocks) })
	counter("records_sealed_total", "Records in them.", func() float64 { return float64(r.Stats().Records) })
	counter("archive_failures_total", "Times that the archive did not take a block.", func() float64 { return float64(r.Stats().Failures) })
	counter("journal_skipped_total", "Journal entries that could not be read.", func() float64 { return float64(r.Stats().Skipped) })
}
