package openapi

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/test/golden"
	"github.com/autorollback/autorollback/web"
)

const committed = "../../docs/openapi.yaml"

// docs/openapi.yaml is made from the code: paths and roles from the table of routes, bodies and answers
// from the Go types, words from their comments.
func TestOpenAPI(t *testing.T) {
	var doc yaml.Node
	if err := doc.Encode(made(t)); err != nil {
		t.Fatal(err)
	}
	flow(&doc)
	text := bytes.NewBufferString("# made by go test ./test/openapi -update\n")
	to := yaml.NewEncoder(text)
	to.SetIndent(2)
	if err := errors.Join(to.Encode(&doc), to.Close()); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "../"+committed, text.Bytes())
	if _, err := Load(committed); err != nil {
		t.Error(err)
	}
}

// flow has what is short stand in one line, and returns how long it would be there.
func flow(n *yaml.Node) int {
	long := len(n.Value) + 2
	for _, one := range n.Content {
		long += flow(one)
	}
	if n.Kind != yaml.ScalarNode && long < 110 {
		n.Style = yaml.FlowStyle
	}
	return long
}

// about says what the answers are; the rest is in docs/api.md.
const about = "The JSON API of autorollback, which rolls back bad releases of model services. Answers are in the envelope of Prometheus' API. " +
	"Bodies of orders are strict: an unknown field is an error. Answers may have fields that are not named here: pass over them. See docs/api.md."

func made(t *testing.T) object {
	s := schemer{t, sourceOf(t, "api", "record", "view", "runbook", "shadow"), object{}, map[string]reflect.Type{}}
	paths := object{}
	for _, op := range web.Operations() {
		at, _ := paths[op.Path].(object)
		if at == nil {
			at = object{}
			paths[op.Path] = at
		}
		at[strings.ToLower(op.Method)] = s.operation(op)
	}
	s.named["Error"] = object{"type": "object", "description": "An answer other than success.", "required": []string{"status", "errorType", "error"}, "properties": object{
		"status": object{"const": "error"}, "errorType": s.of(reflect.TypeFor[api.ErrorType]()), "error": object{"type": "string", "description": "A sentence."}}}
	return object{
		"openapi": "3.1.0",
		"info": object{"title": "autorollback", "version": strings.TrimPrefix(path.Base(api.Path), "v"), "description": about,
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers":  []object{{"url": "http://localhost:9095"}},
		"security": []object{{"password": []string{}}, {"certificate": []string{}}, {}},
		"paths":    paths,
		"components": object{
			"schemas":    s.named,
			"parameters": parameters(),
			"responses": object{"Refused": object{"description": "Refused, or not answered; docs/api.md says which status means what.",
				"content": object{"application/json": object{"schema": object{"$ref": "#/components/schemas/Error"}}}}},
			"securitySchemes": object{
				"password":    object{"type": "http", "scheme": "basic", "description": "A user of --web.config.file."},
				"certificate": object{"type": "mutualTLS", "description": "A client certificate of the CA in --web.config.file."},
			},
		},
	}
}

// refused is each answer other than success.
var refused = object{"$ref": "#/components/responses/Refused"}

var inPath = regexp.MustCompile(`\{([a-z]+)\}`)

// parameters are the names in paths.
func parameters() object {
	all := object{}
	for _, op := range web.Operations() {
		for _, m := range inPath.FindAllStringSubmatch(op.Path, -1) {
			all[m[1]] = object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string", "pattern": web.Path(m[1])}}
		}
	}
	return all
}

func (s schemer) operation(op web.Operation) object {
	name := callOf(op)
	said := s.said["api.Client."+name]
	text, ok := strings.CutPrefix(said, name+" ")
	if !ok {
		s.t.Errorf("the comment of api.Client.%s does not begin with its name: %q", name, said)
	}
	first, rest, _ := strings.Cut(text, ". ")
	form := object{
		"operationId": strings.ToLower(name[:1]) + name[1:],
		"summary":     strings.TrimSuffix(upper(first), "."),
		"description": strings.TrimSpace(rest + " Takes the role " + string(op.Need) + "."),
		"tags":        []string{strings.Split(strings.TrimPrefix(op.Path, api.Path+"/"), "/")[0]},
		"responses":   object{"200": s.success(op), "default": refused},
	}
	var parameters []object
	for _, m := range inPath.FindAllStringSubmatch(op.Path, -1) {
		parameters = append(parameters, object{"$ref": "#/components/parameters/" + m[1]})
	}
	for _, p := range op.Query {
		one := object{"name": p.Name, "in": "query", "description": p.About, "schema": p.Form}
		if p.Needed {
			one["required"] = true
		}
		parameters = append(parameters, one)
	}
	if len(parameters) > 0 {
		form["parameters"] = parameters
	}
	if op.Takes != nil {
		form["requestBody"] = object{"required": true, "content": s.body(op)}
	}
	return form
}

func (s schemer) success(op web.Operation) object {
	if op.Gives == nil {
		return object{"description": "The text.", "content": object{op.Kind: object{}}}
	}
	data := orNull(s.of(op.Gives), op.Gives.Kind())
	return object{"description": "Success.", "content": object{op.Kind: object{"schema": object{
		"type": "object", "required": []string{"status", "data"}, "properties": object{"status": object{"const": "success"}, "data": data}}}}}
}

func (s schemer) body(op web.Operation) object {
	form := s.of(op.Takes)
	content := object{}
	for _, kind := range op.Kinds {
		content[kind] = object{"schema": form}
	}
	return content
}

// callOf is the name of the client's method that asks for an operation.
func callOf(op web.Operation) string {
	full := runtime.FuncForPC(reflect.ValueOf(op.Call).Pointer()).Name()
	return full[strings.LastIndex(full, ".")+1:]
}

// Every route of the API is an operation, by rule, and has the one method of the client whose answer is of its
// type; every method asks for an operation.
func TestEveryRouteHasItsOperation(t *testing.T) {
	operations := map[string]web.Operation{}
	calls := []string{"StartWith"} // Start with options
	for _, op := range web.Operations() {
		operations[op.Method+" "+op.Path] = op
		calls = append(calls, callOf(op))
		of := reflect.TypeOf(op.Call)
		if answer := of.Out(0); op.Gives != nil && of.NumOut() == 2 && answer != op.Gives {
			t.Errorf("%s %s gives %s, and api.Client.%s returns %s", op.Method, op.Path, op.Gives, callOf(op), answer)
		}
	}
	for _, r := range web.Routes() {
		name, program := r.Method+" "+r.Path, strings.HasPrefix(r.Path, api.Path+"/") && r.Method != ""
		if _, there := operations[name]; there != program {
			t.Errorf("%s is an operation: %t, want %t", name, there, program)
		}
	}
	slices.Sort(calls)
	client := reflect.TypeFor[api.Client]()
	for i := range client.NumMethod() {
		if n, there := slices.BinarySearch(calls, client.Method(i).Name); !there {
			t.Errorf("api.Client.%s asks for no operation", client.Method(i).Name)
		} else if n+1 < len(calls) && calls[n] == calls[n+1] {
			t.Errorf("two operations are api.Client.%s", calls[n])
		}
	}
}

// Every method of the client has an example, which runs against a real engine.
func TestEveryMethodHasItsExample(t *testing.T) {
	files, err := filepath.Glob("../../api/example_*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples (%v)", err)
	}
	var text []byte
	for _, file := range files {
		more, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, more...)
	}
	client := reflect.TypeFor[api.Client]()
	for i := range client.NumMethod() {
		if name := client.Method(i).Name; !bytes.Contains(text, []byte("func ExampleClient_"+name+"()")) {
			t.Errorf("api.Client.%s has no example", name)
		}
	}
}
