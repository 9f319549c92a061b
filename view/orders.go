package view

import (
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
)

// An OrderQuery says which orders are asked for. The zero value means the newest [MaxOrders].
type OrderQuery struct {
	Service string    // those of the whole installation as well
	By      string    // a caller's name
	Since   time.Time // zero: the oldest that is kept
	Limit   int       // the newest so many; 0: [MaxOrders]
}

// MaxOrders is how many orders one answer has at most.
const MaxOrders = 1000

// Has reports whether an order is asked for.
func (q OrderQuery) Has(o record.Order) bool {
	return (q.Service == "" || o.Service == q.Service || o.Service == "") && (q.By == "" || o.Name == q.By) && !o.At.Before(q.Since)
}

// Newest are the orders that are asked for, newest first.
func (q OrderQuery) Newest(all []record.Order) []record.Order {
	all = slices.DeleteFunc(all, func(o record.Order) bool { return !q.Has(o) })
	slices.SortFunc(all, func(a, b record.Order) int { return strings.Compare(b.ID, a.ID) })
	most := q.Limit
	if most <= 0 || most > MaxOrders {
		most = MaxOrders
	}
	return all[:min(len(all), most)]
}
