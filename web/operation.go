package web

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// An Operation is a route of the API as a program sees it: the document of the API is made from it.
type Operation struct {
	Route
	Call  any          // the method of [api.Client] that asks for it
	Takes reflect.Type // what the body holds; nil: there is none
	Kinds []string     // content types of the body
	Gives reflect.Type // what the envelope of a success holds; nil: the answer is a text
	Kind  string       // content type of a success
	Query []Parameter
}

// A Parameter is one of an address's query. What an operation does not name does not reach it.
type Parameter struct {
	Name, About string
	Needed      bool
	Form        map[string]any // as JSON Schema
}

// Operations are what the API has, one for each of its routes but the one that answers for all others.
func Operations() []Operation {
	var all []Operation
	for _, r := range (&server{}).routes() {
		if r.op != nil {
			op := *r.op
			op.Route = r.Route
			all = append(all, op)
		}
	}
	return all
}

// Path is what the names in an address's path look like, as regular expressions.
func Path(name string) string { return forms[name].String() }

const inEnvelope = "application/json"

// reads answers a question; it has no way to change anything.
func reads[Out any](s *server, call any, read func(context.Context, *http.Request) (Out, error), query ...Parameter) endpoint {
	e := inJSON(func(w http.ResponseWriter, r *http.Request, _ visitor) {
		ctx, cancel := context.WithTimeout(r.Context(), readWithin)
		defer cancel()
		if !wellNamed(r) {
			fail(w, s.problemOf(notFound("thing")))
			return
		}
		named(r, query)
		data, err := read(ctx, r)
		s.finish(w, data, err)
	})
	e.op = &Operation{Call: call, Gives: reflect.TypeFor[Out](), Kind: inEnvelope, Query: query}
	return e
}

// changes carries out an order of somebody who may give it, whose body is strict JSON.
func changes[In, Out any](s *server, call any, do change[In, Out]) endpoint {
	e := s.ordered(func(ctx context.Context, r *http.Request, who visitor) (any, error) {
		var in In
		if err := order(r, &in); err != nil {
			return nil, err
		}
		return do(ctx, r, who, in)
	})
	e.op = &Operation{Call: call, Takes: reflect.TypeFor[In](), Kinds: []string{"application/json"}, Gives: reflect.TypeFor[Out](), Kind: inEnvelope}
	return e
}

// ordered carries out an order that reads its own body. Hanging up does not call off what has begun.
func (s *server) ordered(do func(context.Context, *http.Request, visitor) (any, error), query ...Parameter) endpoint {
	return inJSON(func(w http.ResponseWriter, r *http.Request, who visitor) {
		if !wellNamed(r) {
			fail(w, s.problemOf(notFound("thing")))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxOrder)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeWithin)
		defer cancel()
		named(r, query)
		data, err := do(ctx, r, who)
		s.refused(r, who, err)
		s.finish(w, data, err)
	})
}

// finish answers with what came of it.
func (s *server) finish(w http.ResponseWriter, data any, err error) {
	if bad, ok := badOrder(err); ok {
		fail(w, bad)
		return
	}
	if err != nil {
		fail(w, s.problemOf(err))
		return
	}
	succeed(w, data)
}

// named leaves in a request's query what the operation names.
func named(r *http.Request, query []Parameter) {
	in, kept := r.URL.Query(), url.Values{}
	for _, p := range query {
		if v, there := in[p.Name]; there {
			kept[p.Name] = v
		}
	}
	r.URL.RawQuery = kept.Encode()
}

// describes adds what a program must know of an endpoint that answers in its own way.
func (e endpoint) describes(op Operation) endpoint {
	e.op = &op
	return e
}

// gives is an operation that takes nothing, and answers with a T.
func gives[T any](call any) Operation {
	return Operation{Call: call, Gives: reflect.TypeFor[T](), Kind: inEnvelope}
}

func startOperation() Operation {
	op := gives[record.Release](api.Client.Start)
	op.Takes, op.Kinds, op.Query = reflect.TypeFor[runbook.Launch](), launchKinds, startQuery
	return op
}

var (
	yesNo  = map[string]any{"type": "string", "enum": []string{"true", "false"}}
	phrase = map[string]any{"type": "string"}
	moment = map[string]any{"type": "string", "format": "date-time", "examples": []string{time.Unix(1795651200, 0).UTC().Format(time.RFC3339)}}

	startQuery = []Parameter{
		{Name: "region", About: "This region alone, whatever the file says.", Form: map[string]any{"type": "string", "pattern": Path("region")}},
		{Name: "stable_not_proved", About: "The stable side need not be the last known good; needs a reason.", Form: yesNo},
		{Name: "reason", About: "Why the stable side need not be the last known good.", Form: phrase},
		{Name: "safer", About: "On a ramp that is drafted from the last incident.", Form: yesNo},
	}
	ordersQuery = []Parameter{
		{Name: "service", About: "Orders about this service, and those about the whole installation.", Form: phrase},
		{Name: "by", About: "Orders of this person.", Form: phrase},
		{Name: "since", About: "Orders from this moment on.", Form: moment},
		{Name: "limit", About: "The newest so many.", Form: map[string]any{"type": "integer", "minimum": 1, "maximum": view.MaxOrders}},
	}
	triggerQuery = Parameter{Name: "trigger", About: "Only this trigger.", Form: map[string]any{"type": "string", "pattern": "^$|" + Path("service")}}
	formatQuery  = Parameter{Name: "format", About: "The other flag system.", Needed: true, Form: map[string]any{"type": "string", "enum": []string{"flagd", "goff"}}}
)
