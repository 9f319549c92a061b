package routers

import (
	"fmt"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// A rollback that comes while a router is still reloading for the write before is not lost,
// wherever in the reload it comes.
func TestNoReloadIsLost(t *testing.T) {
	servers.NotShort(t)
	for _, k := range kinds {
		if !k.reloads {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			p := k.open(newWorld(t))
			for i := range sim.Size(60, 8, 8) {
				p.shift(record.Split{stable: 50, candidate: 50})
				p.shift(canary)
				p.await("the router to begin", func() error {
					if got, err := p.observe(t.Context()); err != nil || got.Equal(rolledBack) {
						return fmt.Errorf("it serves %v, %v", got, err)
					}
					return nil
				})
				if i%2 == 0 {
					p.serves(canary)
				}
				p.shift(rolledBack)
				p.serves(rolledBack)
			}
		})
	}
}
