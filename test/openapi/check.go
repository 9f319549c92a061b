package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/api"
)

// A Document is one that describes the API.
type Document struct{ router routers.Router }

// Load reads a document, which must be valid OpenAPI. What answers have beyond it is a mistake here, while
// others must bear it: a later daemon may say more.
func Load(path string) (*Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(closed(tree)); err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	doc.Servers = nil // a daemon is anywhere
	router, err := gorillamux.NewRouter(doc)
	return &Document{router}, err
}

// closed has no object that may have properties which it does not name.
func closed(tree any) any {
	switch tree := tree.(type) {
	case []any:
		for _, one := range tree {
			closed(one)
		}
	case map[string]any:
		_, isSchema := tree["properties"].(map[string]any)
		if _, said := tree["additionalProperties"]; isSchema && tree["type"] == "object" && !said {
			tree["additionalProperties"] = false
		}
		for _, one := range tree {
			closed(one)
		}
	}
	return tree
}

// An Exchange is a request with its answer.
type Exchange struct {
	Request *http.Request
	Sent    []byte // its body
	Code    int
	Header  http.Header
	Body    []byte
}

// Check says what the document has against an exchange. A request that was understood must be one of the
// document's; the answer must be, whatever was asked.
func (d *Document) Check(e Exchange) error {
	in, err := d.find(e)
	if in == nil || err != nil {
		return err
	}
	if e.Code == http.StatusOK || e.Code == http.StatusConflict {
		if err := openapi3filter.ValidateRequest(in.Request.Context(), in); err != nil {
			return fmt.Errorf("%s %s was understood: %w", e.Request.Method, e.Request.URL.Path, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.Code, Header: e.Header, Options: in.Options}
	out.SetBodyBytes(e.Body)
	if err := openapi3filter.ValidateResponse(in.Request.Context(), out); err != nil {
		return fmt.Errorf("%s %s answers %d: %w", e.Request.Method, e.Request.URL.Path, e.Code, err)
	}
	return nil
}

// find is the operation that was asked for; nil: it is none of the API's, and need not be.
func (d *Document) find(e Exchange) (*openapi3filter.RequestValidationInput, error) {
	if !strings.HasPrefix(e.Request.URL.Path, api.Path+"/") || e.Request.Method == http.MethodHead {
		return nil, nil // not of the API, or an answer without a body
	}
	r := e.Request.Clone(context.Background())
	r.Body = io.NopCloser(bytes.NewReader(e.Sent))
	route, names, err := d.router.FindRoute(r)
	switch {
	case err == nil:
		return &openapi3filter.RequestValidationInput{Request: r, PathParams: names, Route: route,
			Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}, nil
	case e.Code == http.StatusNotFound:
		return nil, nil
	}
	return nil, fmt.Errorf("%s %s answers %d, and is not in the document: %w", r.Method, r.URL.Path, e.Code, err)
}
