package listen

import (
	"io"
	"net/http"
)

// follow tells the pool which connections have a request under way.
func (p *pool) follow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ours := r.Context().Value(key{}).(*conn)
		if !ours {
			next.ServeHTTP(w, r)
			return
		}
		defer c.serve(false)
		if r.ContentLength == 0 {
			c.serve(true)
		} else {
			r.Body = &body{r.Body, c}
		}
		next.ServeHTTP(w, r)
	})
}

// A body says when it was read to its end: one that never comes keeps no place.
type body struct {
	io.ReadCloser
	of *conn
}

func (b *body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err == io.EOF {
		b.of.serve(true)
	}
	return n, err
}

func (c *conn) serve(serving bool) {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.serving = serving
	if !serving {
		c.pool.turn++
		c.waiting = c.pool.turn
	}
}
