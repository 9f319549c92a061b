package browser

import (
	"context"
	"time"

	"github.com/autorollback/autorollback/record"
)

// Curves are an hour of each trigger, up to its limit and a little over it.
func (w *world) Curves(context.Context, string, string) ([]record.Curve, error) {
	var all []record.Curve
	for n, t := range w.runbooks[0].Triggers {
		c := record.Curve{Kind: record.OfTrigger, Name: t.Name, Drawn: "share of requests", Unit: "ratio", Limit: "5 %"}
		for i := range 60 {
			s := record.Unsampled(w.now.Add(time.Duration(i-60) * time.Minute))
			s.Candidate, s.Limit = record.Number(0.001*float64(i*(n+1)%70)), 0.05
			c.Samples = append(c.Samples, s)
		}
		all = append(all, c)
	}
	return all, nil
}
