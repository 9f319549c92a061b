package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Caller is who gives an order, as far as it was verified.
type Caller struct {
	Name string `json:"by"`
	How  string `json:"how,omitempty"`  // [BasicAuth] and so on
	From string `json:"from,omitempty"` // the address that the request came from
	Role string `json:"role,omitempty"` // that the roles file gives them for it; empty: a runbook names them, or nobody signs in
}

// How somebody was verified.
const (
	BasicAuth         = "basic_auth"
	ClientCertificate = "client_certificate"
	ProxyHeader       = "proxy_header"    // signed in at a trusted proxy, which says so
	LinkOnly          = "link_only"       // holds the link; nobody knows who
	Unauthenticated   = "unauthenticated" // nobody can sign in, and a flag says so
	BySignal          = "signal"          // may send signals to the process
	InStore           = "store"           // wrote to the store; nobody knows who
	InJournal         = "journal"         // a daemon, of what it remembers
)

// Seen says how somebody was verified and from where, as "basic auth from 192.0.2.7".
func (c Caller) Seen() string {
	how := strings.ReplaceAll(c.How, "_", " ")
	if c.From == "" {
		return how
	}
	return strings.TrimSpace(how + " from " + c.From)
}

// Verified reports whether it is known who somebody is: they signed in.
func (c Caller) Verified() bool {
	return c.Name != "" && (c.How == BasicAuth || c.How == ClientCertificate || c.How == ProxyHeader)
}

// Known reports whether there is anybody to ask about an order.
func (c Caller) Known() bool { return c.Name != "" && c.How != InStore && c.How != InJournal }

// An Order is what somebody told the daemon to do, key "order/<id>": one entry of the order log,
// committed in the same transaction as what it changes.
type Order struct {
	Schema int       `json:"schema"`
	ID     string    `json:"id"` // sorts by time, see [OrderID]
	At     time.Time `json:"at"`
	Caller
	Action  OrderAction `json:"action"`
	Service string      `json:"service,omitempty"` // empty: of the whole installation
	Region  string      `json:"region,omitempty"`
	Subject string      `json:"subject,omitempty"` // the release, incident, approval, bundle or mode that it is about
	Reason  string      `json:"reason,omitempty"`
	First   *Caller     `json:"first,omitempty"`      // who gave it before, where it took two people
	Waits   time.Time   `json:"waits_until,omitzero"` // it was not carried out: it waits for a second person until then
	Op      string      `json:"op"`                   // operation id of the transaction that carried it out
}

// A WaitingOrder is the first of two people's orders, key "waiting/<digest of what is ordered>".
type WaitingOrder struct {
	Order
	Text string `json:"text"` // what is to happen, for people
}

// In reports whether it still waits.
func (w WaitingOrder) In(now time.Time) bool { return now.Before(w.Waits) }

// Needed says to the first person that nothing is done yet.
func (w WaitingOrder) Needed() error {
	return runbook.AwaitSecond("recorded as order %s, and not carried out: it takes two people. Somebody else must order the same until %s", w.ID, w.Waits.UTC().Format(time.RFC3339))
}

// WaitingID is what two orders have in common that are the same one: what is ordered, of what, and
// how that stood when it was ordered.
func WaitingID(o Order, standing ...string) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", o.Action, o.Service, o.Region, append([]string{o.Subject}, standing...)))
	return hex.EncodeToString(h[:16])
}

// An Intent is what somebody wants to order of a target. Plan is the digest of what they were shown: if
// something else would be done by now, nothing is. Empty: they were shown nothing.
type Intent struct {
	Action OrderAction
	Reason string
	Plan   string
}

// OrderAction is an order's verb.
type OrderAction string

// What can be ordered. The set is closed.
const (
	OrderStart        OrderAction = "start"
	OrderPromote      OrderAction = "promote"
	OrderFlip         OrderAction = "flip"
	OrderHold         OrderAction = "hold"
	OrderResume       OrderAction = "resume"
	OrderRollback     OrderAction = "rollback"
	OrderApprove      OrderAction = "approve"
	OrderReject       OrderAction = "reject"
	OrderAcceptSplit  OrderAction = "accept_split"
	OrderLift         OrderAction = "lift_quarantine"
	OrderControl      OrderAction = "control"
	OrderRecordShadow OrderAction = "record_shadow"
	OrderStartMirror  OrderAction = "start_mirror"
	OrderStopMirror   OrderAction = "stop_mirror"
	OrderReload       OrderAction = "reload"
	OrderDoctorFire   OrderAction = "doctor_fire"
	OrderRecover      OrderAction = "recover"
)

// Names are who ordered it: both, where it took two people.
func (o Order) Names() string {
	if o.First == nil {
		return o.Name
	}
	return o.First.Name + " and " + o.Name
}

// Words say who ordered what, in one line.
func (o Order) Words() string {
	text := strings.ReplaceAll(string(o.Action), "_", " ")
	if o.Service != "" {
		text += " of " + o.Service
	}
	if o.Region != "" {
		text += " in " + o.Region
	}
	if o.Subject != "" {
		text += ": " + o.Subject
	}
	if o.Reason != "" {
		text += " (" + o.Reason + ")"
	}
	switch {
	case !o.Waits.IsZero():
		text += ", which waits for a second person until " + o.Waits.UTC().Format(time.RFC3339)
	case o.First != nil:
		text += ", which " + o.First.Name + " ordered first"
	}
	return text
}

// OrderID makes an order's id: ids of later moments sort after it, and those of two
// transactions differ.
func OrderID(at time.Time, op string) string {
	return strings.Replace(at.UTC().Format("20060102-150405.000000000"), ".", "-", 1) + "-" + op[:min(len(op), 12)]
}

// Committed is the order as the transaction op carries it out.
func (o Order) Committed(at time.Time, op string) Order {
	o.Schema, o.ID, o.At, o.Op = runbook.Schema, OrderID(at, op), at.UTC(), op
	o.Name, o.From = Truncate(o.Name, 100), Truncate(o.From, 100)
	o.Subject, o.Reason = Truncate(o.Subject, MaxValue), Truncate(o.Reason, MaxLine)
	return o
}
