package backtest

import "time"

// Progress is told how much of the history is done, and what is being done.
type Progress func(done, of time.Duration, what string)

func (p Progress) tell(done, of time.Duration, what string) {
	if p != nil {
		p(done, of, what)
	}
}
