package metrics

import "time"

// ConfigLoaded notes when the config.yaml that is in force was loaded.
func (m *Metrics) ConfigLoaded(time.Time) {}

// ConfigRefused counts a config.yaml that was not taken.
func (m *Metrics) ConfigRefused() {}

// RemoveProvider forgets the gauges of a provider that is no more.
func (m *Metrics) RemoveProvider(string) {}
