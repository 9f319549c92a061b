// Command service is a model service to try autorollback on: three pods of v1, two of
// v2, a router that follows its weights in the store, and steady traffic.
// POST /break/slow, /break/errors, /break/encoder, /break/everything or /fix on its control
// address changes how the models behave; GET /pairs there says which model worked on which
// encoder's features, as its servers counted it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "service: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	consul := flag.String("consul", "127.0.0.1:8500", "Consul's address")
	file := flag.String("runbook", "examples/runbooks/ranker.yaml", "the service's runbook: its routing is followed")
	targets := flag.String("targets", "examples/targets.json", "where to write the pods' addresses for Prometheus")
	control := flag.String("control", "127.0.0.1:7070", "where to break and fix the models")
	rate := flag.Int("rate", 100, "requests per second")
	flag.Parse()
	rb, err := runbook.Load(*file)
	if err != nil {
		return err
	}
	kv, err := store.OpenConsul(store.ConsulConfig{Address: *consul, Scheme: "http", Replica: "example-service"})
	if err != nil {
		return err
	}
	w, err := demo.NewService(kv, rb.Routing, *rate)
	if err != nil {
		return err
	}
	if err := demo.Route(ctx, kv, rb.Routing.Key, "ranker-v1"); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("send all traffic to v1: %w", err)
	}
	if err := os.WriteFile(*targets, targetFile(w), 0o644); err != nil {
		return fmt.Errorf("write targets: %w", err)
	}
	l, err := net.Listen("tcp", *control)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Printf("router at http://%s/predict; break it: curl -X POST http://%s/break/errors\n", w.Router.Addr(), l.Addr())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.Run(ctx) })
	g.Go(func() error { return serve(ctx, l, switches(w)) })
	return g.Wait()
}

func targetFile(w *demo.Service) []byte {
	return []byte(`[{"labels": {"job": "ranker"}, "targets": ["` + strings.Join(w.Targets(), `", "`) + "\"]}]\n")
}

// switches changes how the models behave.
func switches(w *demo.Service) http.Handler {
	slow, errs, encoder := demo.Well, demo.Well, demo.Well
	slow.Latency *= 4
	errs.Errors = 0.4
	encoder.Conversion /= 2
	mux := http.NewServeMux()
	for path, does := range map[string]func(){
		"/break/slow":       func() { w.Candidate.Behave(slow) },
		"/break/errors":     func() { w.Candidate.Behave(errs) },
		"/break/encoder":    func() { w.Candidate.Behave(encoder) },
		"/break/everything": func() { w.Candidate.Behave(errs); w.Stable.Behave(errs) },
		"/fix":              func() { w.Candidate.Behave(demo.Well); w.Stable.Behave(demo.Well) },
	} {
		mux.HandleFunc("POST "+path, func(rw http.ResponseWriter, _ *http.Request) {
			does()
			fmt.Fprintf(rw, "%s at %s\n", path, time.Now().Format(time.TimeOnly))
		})
	}
	mux.HandleFunc("GET /pairs", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, counted(w)) })
	return mux
}

// counted has a line for each pair, and at its end how many answers were of a mixed one.
func counted(w *demo.Service) string {
	pairs := w.Pairs()
	byName := func(a, b demo.Pair) int { return strings.Compare(a.String(), b.String()) }
	var lines strings.Builder
	for _, p := range slices.SortedFunc(maps.Keys(pairs), byName) {
		fmt.Fprintf(&lines, "%s %d\n", p, pairs[p])
	}
	fmt.Fprintf(&lines, "mixed %d\n", w.Mixed())
	return lines.String()
}

func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { <-ctx.Done(); server.Close() }()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
