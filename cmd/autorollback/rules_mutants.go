package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/autorollback/autorollback/rules"
)

// hunt runs the suite against mutants, and shows how far it is: on a terminal all the
// time, elsewhere each five seconds.
func (t *testRun) hunt(ctx context.Context, suite rules.Suite) (rules.MutantReport, error) {
	every, form, end := 5*time.Second, "mutants: %d of %d\n", ""
	if isTerminal(t.c.err) {
		every, form, end = 100*time.Millisecond, "\rmutants: %d of %d\x1b[K", "\r\x1b[K"
	}
	var mu sync.Mutex
	last, drawn := time.Now(), false
	report, err := suite.Mutants(ctx, rules.MutantOptions{Workers: t.workers, Sample: t.sample, Progress: func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) >= every {
			last, drawn = time.Now(), true
			fmt.Fprintf(t.c.err, form, done, total)
		}
	}})
	if drawn {
		fmt.Fprint(t.c.err, end)
	}
	return report, err
}
