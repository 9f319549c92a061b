package bench

import (
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/store"
)

// BenchmarkAlertStorm posts alerts of one trigger of one service from 32 connections at
// once, each with a moment of its own, to a daemon that only observes: every one of them is
// confirmed and its outcome is committed before it is answered. The bare transaction is the
// scale.
func BenchmarkAlertStorm(b *testing.B) {
	s := start(b)
	tx := s.recordTransaction()
	s.reset()
	s.put([]byte(`[` + opText(set(store.ControlKey, []byte(`{"schema":1,"mode":"observe","owner":"bench","reason":"storm"}`))) + `]`))
	s.hook(s.alert())
	const posters, each = 32, 100
	var took time.Duration
	alerts := 0
	for b.Loop() {
		began := time.Now()
		var all sync.WaitGroup
		for range posters {
			all.Go(func() {
				for range each {
					s.hook(s.alert())
				}
			})
		}
		all.Wait()
		took += time.Since(began)
		alerts += posters * each
	}
	bare := s.timed(func() { s.put(tx) })
	rate := float64(alerts) / took.Seconds()
	b.ReportMetric(rate, "alerts/s")
	b.ReportMetric(rate*bare.Seconds(), "alerts/bare-txn")
	b.ReportMetric(0, "ns/op")
}
