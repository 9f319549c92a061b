package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
)

// keepRecords is how long a closed incident, an answered approval and a shadow verdict
// stay in the store. The evidence folder and the journal stay; nothing here touches them.
const keepRecords = 90 * 24 * time.Hour

// keepPaged is how long it is known that people were paged, by an id that holds ten minutes or a
// plan.
const keepPaged = 24 * time.Hour

// The order log keeps what is neither older nor further back than this; the journal keeps it all.
const (
	keepOrders = 400 * 24 * time.Hour
	mostOrders = 10_000
)

// oldOrders are those that the order log does not keep. Their ids sort by time.
func oldOrders(snap store.Snapshot, now time.Time) []store.Entry {
	all := snap.Under(store.OrderKey(""))
	first := store.OrderKey(record.OrderID(now.Add(-keepOrders), ""))
	n, _ := slices.BinarySearchFunc(all, first, func(en store.Entry, key string) int { return strings.Compare(en.Key, key) })
	return all[:max(n, len(all)-mostOrders)]
}

// gcRecords removes what is long over, so that the store does not grow for ever. An
// incident that a release still points at stays.
func (e *Engine) gcRecords(ctx context.Context) {
	snap, err := e.store.Read(ctx, store.Root)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("collect old records", zap.Error(err))
		}
		return
	}
	e.keepIncidents(under[record.Incident](snap, store.IncidentKey(""))...)
	for _, en := range over(snap, time.Now()) {
		if e.opts.Archives && unarchived(snap, en.Key) {
			continue
		}
		err := e.store.Commit(ctx, store.NewTx(store.Op{Verb: store.Delete, Key: en.Key, Index: en.Index}))
		if err != nil && !errors.Is(err, store.ErrConflict) {
			e.log.Warn("collect old records", zap.String("key", en.Key), zap.Error(err))
			return
		}
	}
}

// unarchived reports whether a record is an incident whose sealed evidence is in no archive.
func unarchived(snap store.Snapshot, key string) bool {
	var i record.Incident
	return strings.HasPrefix(key, store.IncidentKey("")) && decode(snap, key, &i) == nil && i.Sealed() && !i.InArchive()
}

// over lists the records that are long over.
func over(snap store.Snapshot, now time.Time) []store.Entry {
	named := map[string]bool{}
	for _, r := range under[record.Release](snap, releases) {
		named[store.IncidentKey(r.Incident)] = true
	}
	var old []store.Entry
	for _, en := range snap.Under(store.IncidentKey("")) {
		var i record.Incident
		if decode(snap, en.Key, &i) == nil && i.Phase == record.Done && now.Sub(i.ClosedAt) > keepRecords && !named[en.Key] {
			old = append(old, en)
		}
	}
	for _, en := range snap.Under(store.ApprovalKey("")) {
		var a record.Approval
		if decode(snap, en.Key, &a) == nil && a.Status != record.Pending && now.Sub(a.ExpiresAt) > keepRecords {
			old = append(old, en)
		}
	}
	old = append(old, oldOrders(snap, now)...)
	for _, en := range snap.Under(store.AnchorKey("")) {
		var a record.Anchor
		if decode(snap, en.Key, &a) == nil && len(a.Lost) == 0 && now.Sub(a.At) > keepRecords {
			old = append(old, en)
		}
	}
	for _, en := range snap.Under(waiting) {
		var w record.WaitingOrder
		if decode(snap, en.Key, &w) == nil && !w.In(now) {
			old = append(old, en)
		}
	}
	for _, en := range snap.Under(store.ShadowKey("")) {
		var v record.ShadowVerdict
		if decode(snap, en.Key, &v) == nil && now.Sub(v.At) > keepRecords {
			old = append(old, en)
		}
	}
	for _, en := range snap.Under(store.PagedKey("")) {
		var p paged
		if decode(snap, en.Key, &p) == nil && now.Sub(p.At) > keepPaged {
			old = append(old, en)
		}
	}
	return old
}
