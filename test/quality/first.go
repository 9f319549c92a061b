package quality

import (
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// FirstFirings plays a trace to the analysis to its end, and returns when each trigger
// fired first, since the release began. seen is called with every tick.
func FirstFirings(rb *runbook.Runbook, shape Shape, trace Trace, seen func(Tick)) (map[string]time.Duration, error) {
	b, err := newBench(rb, shape, true)
	if err != nil {
		return nil, err
	}
	judge, t := view{bench: b, fires: analysis.Result.Fires}, newTracker(shape)
	fired := map[string]time.Duration{}
	for {
		tick, ok := trace.Next()
		if !ok {
			return fired, nil
		}
		seen(tick)
		f := t.take(tick)
		for _, trigger := range judge.Observe(f) {
			if _, known := fired[trigger]; !known {
				fired[trigger] = f.Now
			}
		}
	}
}
