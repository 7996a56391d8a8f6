package web

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// described is the description of the API.
func described(t *testing.T) object {
	t.Helper()
	var doc object
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at is what stands in the description at a path of names.
func at(doc any, names ...string) any {
	for _, name := range names {
		o, _ := doc.(object)
		doc = o[name]
	}
	return doc
}

// misfit tells what of a JSON value is not as a schema of doc has it; empty:
// nothing.
func misfit(doc object, where string, schema any, v any) string {
	s, _ := schema.(object)
	if ref, ok := s["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		return misfit(doc, where, at(doc, "components", "schemas", name), v)
	}
	if either, ok := s["anyOf"].([]any); ok {
		var why string
		for _, one := range either {
			if why = misfit(doc, where, one, v); why == "" {
				return ""
			}
		}
		return why
	}
	if values, ok := s["enum"].([]any); ok && !slices.Contains(values, v) {
		return fmt.Sprintf("%s is %v, none of %v", where, v, values)
	}
	kind := ""
	switch v := v.(type) {
	case nil:
		kind = "null"
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
		if _, err := time.Parse(time.RFC3339, v); s["format"] == "date-time" && err != nil {
			return fmt.Sprintf("%s: %v", where, err)
		}
	case float64:
		kind = "number"
		if s["type"] == "integer" && v == float64(int64(v)) {
			kind = "integer"
		}
	case []any:
		kind = "array"
		for i, one := range v {
			if why := misfit(doc, fmt.Sprintf("%s[%d]", where, i), s["items"], one); why != "" {
				return why
			}
		}
	case object:
		kind = "object"
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, there := v[name.(string)]; !there {
				return fmt.Sprintf("%s lacks %s", where, name)
			}
		}
		for name, one := range v {
			of := at(s, "properties", name)
			if of == nil {
				of = s["additionalProperties"]
			}
			if of == nil {
				return fmt.Sprintf("%s has %s", where, name)
			}
			if why := misfit(doc, where+"."+name, of, one); why != "" {
				return why
			}
		}
	}
	if s["type"] != kind {
		return fmt.Sprintf("%s is %s, not %v", where, kind, s["type"])
	}
	return ""
}

// A misfit is found, else nothing that is tested with it means anything.
func TestMisfit(t *testing.T) {
	doc := object{"components": object{"schemas": object{"A": object{
		"type": "object", "required": []any{"n"},
		"properties": object{
			"n":    object{"type": "integer"},
			"s":    object{"type": "string", "enum": []any{"x", "y"}},
			"list": object{"type": "array", "items": object{"anyOf": []any{object{"type": "null"}, object{"type": "boolean"}}}},
			"at":   object{"type": "string", "format": "date-time"},
		},
	}}}}
	for text, fits := range map[string]bool{
		`{"n":1}`: true,
		`{"n":1,"s":"y","list":[true,null],"at":"2026-01-02T03:04:05.678+01:00"}`: true,
		`{}`:                     false,
		`{"n":1.5}`:              false,
		`{"n":null}`:             false,
		`{"n":1,"s":"z"}`:        false,
		`{"n":1,"list":null}`:    false,
		`{"n":1,"list":[1]}`:     false,
		`{"n":1,"at":"now"}`:     false,
		`{"n":1,"more":"words"}`: false,
		`[]`:                     false,
		`null`:                   false,
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if why := misfit(doc, "it", object{"$ref": "#/components/schemas/A"}, v); (why == "") != fits {
			t.Errorf("%s: %q", text, why)
		}
	}
}

// A caller asks a node, and looks whether it answers as the description has it.
type caller struct {
	*running
	t         *testing.T
	doc       object
	patterns  *http.ServeMux
	succeeded map[string]bool // calls, by their patterns
}

func newCaller(t *testing.T, r *running) *caller {
	c := &caller{r, t, described(t), http.NewServeMux(), map[string]bool{}}
	for _, one := range routes {
		c.patterns.Handle(one.pattern, http.NotFoundHandler())
	}
	return c
}

// ask asks with a body, and answers the status and what comes.
func (c *caller) ask(method, path, body string) (int, []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, "http://lanyard"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	_, pattern := c.patterns.Handler(req)
	key, responses := "default", at(c.doc, "paths", "/api"+strings.TrimPrefix(pattern, method+" "), strings.ToLower(method), "responses")
	if res.StatusCode == 200 {
		key, c.succeeded[pattern] = "200", true
	}
	media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	schema := at(responses, key, "content", media, "schema")
	if err != nil || schema == nil {
		c.t.Errorf("%s %s: %d, %s is not described", method, path, res.StatusCode, res.Header.Get("Content-Type"))
	}
	if media == "application/json" {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			c.t.Errorf("%s %s: %v", method, path, err)
		}
		if why := misfit(c.doc, "the answer", schema, v); why != "" {
			c.t.Errorf("%s %s: %s", method, path, why)
		}
	}
	return res.StatusCode, text
}

// want asks for what must succeed, and reads the answer.
func want[A any](c *caller, method, path string, body any) (answer A) {
	c.t.Helper()
	text := ""
	if body != nil {
		text = asJSON(c.t, body)
	}
	status, data := c.ask(method, path, text)
	if status != 200 {
		c.t.Fatalf("%s %s: %d %s", method, path, status, data)
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		c.t.Fatal(err)
	}
	return answer
}

// refused asks for what must be refused, with this code and words.
func (c *caller) refused(method, path, body, code, words string) {
	c.t.Helper()
	status, data := c.ask(method, path, body)
	if status == 200 || !strings.Contains(string(data), `"code":"`+code+`"`) || !strings.Contains(string(data), words) {
		c.t.Errorf("%s %s %.200s: %d %s; want %s: %s", method, path, body, status, data, code, words)
	}
}
