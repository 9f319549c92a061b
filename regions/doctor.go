package regions

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/view"
)

// A Doctor examines one region, and tries the way of an alert there.
type Doctor interface {
	Examine(ctx context.Context) (view.Examination, error)
	Fire(ctx context.Context) (view.Firing, error)
}

// Doctors are those of all regions, as one. What they say begins with the region's name.
type Doctors map[string]Doctor

// Examine checks every region at the same time.
func (d Doctors) Examine(ctx context.Context) (out view.Examination, err error) {
	all, err := each(d, func(one Doctor) (view.Examination, error) { return one.Examine(ctx) })
	for _, a := range all {
		out.Schema, out.At = a.says.Schema, a.says.At
		for _, c := range a.says.Checks {
			c.Name = a.region + ": " + c.Name
			out.Checks = append(out.Checks, c)
		}
	}
	return out, err
}

// Fire tries every region's way at the same time.
func (d Doctors) Fire(ctx context.Context) (out view.Firing, err error) {
	all, err := each(d, func(one Doctor) (view.Firing, error) { return one.Fire(ctx) })
	for _, a := range all {
		out.Schema, out.At = a.says.Schema, a.says.At
		for _, l := range a.says.Legs {
			l.From = a.region + ": " + l.From
			out.Legs = append(out.Legs, l)
		}
	}
	return out, err
}

// A finding is what one region's doctor says.
type finding[T any] struct {
	region string
	says   T
}

// each has every doctor look at the same time. It returns nothing unless all of them could, and
// goes by the order of the regions' names.
func each[T any](d Doctors, look func(Doctor) (T, error)) ([]finding[T], error) {
	var g errgroup.Group
	all := make([]finding[T], len(d))
	for n, region := range slices.Sorted(maps.Keys(d)) {
		g.Go(func() (err error) {
			all[n].region = region
			all[n].says, err = look(d[region])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return all, nil
}
