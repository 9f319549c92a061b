package listen

import (
	"io"
	"net/http"
)

// follow tells the pool which connections have a request under way.
func (p *pool) follow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ours := r.Context().Value(key{}).(*conn)
		if !ours || c.pool != p {
			next.ServeHTTP(w, r)
			return
		}
		one := &request{ReadCloser: r.Body, of: c}
		defer one.end()
		if r.ContentLength == 0 {
			one.begin()
		} else {
			r.Body = one
		}
		next.ServeHTTP(w, r)
	})
}

// A request is under way once its body was read to its end: one that never comes keeps no place.
type request struct {
	io.ReadCloser
	of    *conn
	begun bool // guarded by the pool
}

func (r *request) Read(into []byte) (int, error) {
	n, err := r.ReadCloser.Read(into)
	if err == io.EOF {
		r.begin()
	}
	return n, err
}

func (r *request) begin() {
	r.of.pool.mu.Lock()
	defer r.of.pool.mu.Unlock()
	if !r.begun {
		r.begun = true
		r.of.serving++
	}
}

func (r *request) end() {
	p := r.of.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.begun {
		r.of.serving--
	}
	r.begun = true // whoever reads on after the answer changes nothing
	p.turn++
	r.of.waiting = p.turn
}
