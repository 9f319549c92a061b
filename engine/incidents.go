package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// mostIncidents is how many incidents are listed: the newest, as briefs of about a kilobyte.
const mostIncidents = 20_000

// keepIncidents remembers incidents for the list, and forgets the oldest of too many. One that has left
// the store stays until then: its evidence folder is kept as well.
func (e *Engine) keepIncidents(all ...record.Incident) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, i := range ofRegion(e, all, func(i record.Incident) string { return i.Region }) {
		e.incidents[i.ID] = i.Brief()
	}
	if len(e.incidents) <= mostIncidents {
		return
	}
	newest := slices.SortedFunc(maps.Values(e.incidents), record.Incident.Compare)
	for _, i := range newest[mostIncidents-mostIncidents/10:] {
		delete(e.incidents, i.ID)
	}
}

// Incidents are those that are asked for, newest first. They are from memory: this process reads all of
// the store's once an hour, and those of the newest releases all the time.
func (e *Engine) Incidents(_ context.Context, q view.IncidentQuery) (view.IncidentPage, error) {
	e.mu.RLock()
	all := slices.Collect(maps.Values(e.incidents))
	e.mu.RUnlock()
	return q.Page(all), nil
}
