package regions

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/record"
)

// A Doctor examines one region, and tries the way of an alert there.
type Doctor interface {
	Examine(ctx context.Context) (record.Examination, error)
	Fire(ctx context.Context) (record.Firing, error)
}

// Doctors are those of all regions, as one. What they say begins with the region's name.
type Doctors map[string]Doctor

// Examine checks every region at the same time.
func (d Doctors) Examine(ctx context.Context) (record.Examination, error) {
	var out record.Examination
	err := d.each(func(region string, one Doctor) (func(), error) {
		e, err := one.Examine(ctx)
		return func() {
			out.Schema, out.At = e.Schema, e.At
			for _, c := range e.Checks {
				c.Name = region + ": " + c.Name
				out.Checks = append(out.Checks, c)
			}
		}, err
	})
	return out, err
}

// Fire tries every region's way at the same time.
func (d Doctors) Fire(ctx context.Context) (record.Firing, error) {
	var out record.Firing
	err := d.each(func(region string, one Doctor) (func(), error) {
		f, err := one.Fire(ctx)
		return func() {
			out.Schema, out.At = f.Schema, f.At
			for _, l := range f.Legs {
				l.From = region + ": " + l.From
				out.Legs = append(out.Legs, l)
			}
		}, err
	})
	return out, err
}

// each has every doctor look, and adds what they found in the order of the regions' names.
func (d Doctors) each(look func(region string, one Doctor) (add func(), err error)) error {
	var (
		g    errgroup.Group
		mu   sync.Mutex
		adds = map[string]func(){}
	)
	for region, one := range d {
		g.Go(func() error {
			add, err := look(region, one)
			mu.Lock()
			defer mu.Unlock()
			adds[region] = add
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var names []string
	for region := range adds {
		names = append(names, region)
	}
	slices.Sort(names)
	for _, region := range names {
		adds[region]()
	}
	return nil
}
