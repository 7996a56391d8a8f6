package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/node"
	"lanyard/internal/settings"
	"lanyard/internal/speed"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// The values that texts of a type have.
var enums = map[reflect.Type][]string{
	reflect.TypeFor[node.State](): values(node.Asking, node.Waiting, node.Queued, node.Running, node.Paused, node.Failed,
		node.Ended, node.Declined, node.Cancelled),
	reflect.TypeFor[node.TransferKind](): values(node.TransferOffered, node.TransferCode, node.TransferAsked,
		node.TransferPush, node.TransferShare, node.TransferGiven),
	reflect.TypeFor[node.Bound]():      values(node.BoundSetting, node.BoundNetwork, node.BoundDisk),
	reflect.TypeFor[node.Direction]():  values(node.Sent, node.Received),
	reflect.TypeFor[node.Rule]():       values(node.RuleAsk, node.RuleSize, node.RuleAlways),
	reflect.TypeFor[node.PairState]():  values(node.PairWaiting, node.PairLooking, node.PairAsking, node.PairAgreed, node.PairDone, node.PairFailed),
	reflect.TypeFor[node.BenchState](): values(node.BenchRunning, node.BenchDone, node.BenchFailed, node.BenchStopped),
	reflect.TypeFor[node.BenchStep]():  values(node.BenchMachines, node.BenchNetwork, node.BenchStreams),
	reflect.TypeFor[speed.Limit](): values(speed.LimitNetwork, speed.LimitLoss, speed.LimitSenderDisk, speed.LimitReceiverDisk,
		speed.LimitSenderProcessor, speed.LimitReceiverProcessor, speed.LimitSetting),
	reflect.TypeFor[settings.Source](): values(settings.FromDefault, settings.FromFile, settings.FromEnvironment, settings.FromFlag),
	reflect.TypeFor[node.Kind](): values(node.KindWaiting, node.KindOffered, node.KindRequested, node.KindAccepted, node.KindResting,
		node.KindNewCode, node.KindSkipped, node.KindSending, node.KindReceived, node.KindRefused, node.KindDeclined, node.KindTrouble,
		node.KindConnected, node.KindTrust, node.KindAgreed, node.KindTrusted, node.KindWarning, node.KindTesting, node.KindTested, node.KindFailed, node.KindAsked,
		node.KindLooking, node.KindOffer, node.KindProgress, node.KindRun, node.KindFile, node.KindLost, node.KindBack,
		node.KindTransfer, node.KindSeen, node.KindGone, node.KindPairing, node.KindBench, node.KindKnown, node.KindMissed),
	reflect.TypeFor[FileKind](): values(KindFolder, KindPicture, KindVideo, KindAudio, KindOther),
	reflect.TypeFor[PlaceName](): values(PlaceHome, PlaceDesktop, PlaceDownloads, PlaceDocuments, PlacePictures, PlaceVideos,
		PlaceMusic, PlaceDisk),
	reflect.TypeFor[DialogKind](): values(ChooseFiles, ChooseFolder),
}

func values[T ~string](all ...T) (texts []string) {
	for _, v := range all {
		texts = append(texts, string(v))
	}
	return texts
}

// The names of types that another of that name is described beside.
var renamed = map[reflect.Type]string{
	reflect.TypeFor[node.Entry]():    "Entry",
	reflect.TypeFor[speed.Verdict](): "SpeedVerdict",
}

// The calls of the page that sign in and out.
var doorRoutes = []route{
	{pattern: "GET /v1/session", summary: "whether somebody is signed in", answer: reflect.TypeFor[Session]()},
	{pattern: "POST /v1/session", summary: "sign in", ask: reflect.TypeFor[SignIn](), answer: reflect.TypeFor[Session]()},
	{pattern: "POST /v1/account", summary: "make the account", ask: reflect.TypeFor[NewAccount](), answer: reflect.TypeFor[Session]()},
	{pattern: "DELETE /v1/session", summary: "sign out", answer: reflect.TypeFor[Nothing]()},
	{pattern: "DELETE /v1/sessions", summary: "sign out everywhere", answer: reflect.TypeFor[Nothing]()},
}

func allRoutes() []route { return append(slices.Clone(doorRoutes), routes...) }

type object = map[string]any

// A describer makes the schemas of Go's types, as package encoding/json writes
// them.
type describer struct {
	schemas object
	types   map[string]reflect.Type // by the names of schemas
}

func (d *describer) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[digest.Digest]():
		return object{"type": "string", "pattern": "^[0-9a-f]{64}$"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []any{d.of(t.Elem()), object{"type": "null"}}}
	case reflect.Slice:
		return object{"type": "array", "items": d.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": d.of(t.Elem())}
	case reflect.String:
		if v := enums[t]; v != nil {
			return object{"type": "string", "enum": v}
		}
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32, reflect.Int32:
		return object{"type": "integer"}
	case reflect.Struct:
		return d.named(t)
	}
	panic(fmt.Sprintf("no schema for %v", t))
}

func (d *describer) named(t reflect.Type) object {
	name := t.Name()
	if other := renamed[t]; other != "" {
		name = other
	}
	ref := object{"$ref": "#/components/schemas/" + name}
	if other := d.types[name]; other != nil && other != t {
		panic(fmt.Sprintf("both %v and %v are called %s", other, t, name))
	} else if other != nil {
		return ref
	}
	d.types[name] = t
	properties, required := object{}, []string{}
	d.schemas[name] = object{"type": "object", "properties": properties}
	d.fields(t, properties, &required)
	slices.Sort(required)
	if len(required) > 0 {
		d.schemas[name].(object)["required"] = required
	}
	return ref
}

func (d *describer) fields(t reflect.Type, properties object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		tag, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			d.fields(f.Type, properties, required)
			continue
		}
		if tag == "" {
			panic(fmt.Sprintf("%v.%s has no name in JSON", t, f.Name))
		}
		isOptional := strings.Contains(opts, "omitempty") || strings.Contains(opts, "omitzero")
		of := f.Type
		if isOptional && of.Kind() == reflect.Pointer {
			of = of.Elem() // it is left out where it would be null
		}
		properties[tag] = d.of(of)
		if !isOptional {
			*required = append(*required, tag)
		}
	}
}

var parameter = regexp.MustCompile(`\{(\w+)\}`)

// describe is the description of the page's API.
func describe() object {
	d := &describer{object{}, map[string]reflect.Type{}}
	type Failed struct {
		Error node.Failure `json:"error"`
	}
	failed := object{
		"description": "what went wrong, and what to do",
		"content":     object{"application/json": object{"schema": d.of(reflect.TypeFor[Failed]())}},
	}
	d.of(reflect.TypeFor[node.Notice]())
	paths := object{}
	for _, t := range allRoutes() {
		method, path, _ := strings.Cut(t.pattern, " ")
		call := object{"summary": t.summary, "operationId": operation(method, path)}
		var params []any
		for _, m := range parameter.FindAllStringSubmatch(path, -1) {
			params = append(params, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
		}
		for _, q := range t.query {
			params = append(params, object{"name": q, "in": "query", "required": false, "schema": object{"type": "string"}})
		}
		if params != nil {
			call["parameters"] = params
		}
		switch {
		case t.upload:
			call["requestBody"] = object{"required": true, "content": object{"application/octet-stream": object{"schema": object{"type": "string", "format": "binary"}}}}
		case t.ask != nil:
			call["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": d.of(t.ask)}}}
		}
		media, schema := "application/json", object{"type": "string"}
		if t.answer != nil {
			schema = d.of(t.answer)
		} else {
			media = t.media
		}
		call["responses"] = object{
			"200":     object{"description": "done", "content": object{media: object{"schema": schema}}},
			"default": failed,
		}
		at, _ := paths["/api"+path].(object)
		if at == nil {
			at = object{}
			paths["/api"+path] = at
		}
		at[strings.ToLower(method)] = call
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "lanyard", "version": "1", "license": object{"name": "MIT", "identifier": "MIT"},
			"description": "What the page of a running node asks it. On the control socket in the state folder the same calls, but" +
				" for those that sign in and out, stand below /v1.",
		},
		"paths":      paths,
		"components": object{"schemas": d.schemas},
	}
}

// operation names a call: getTransfersFiles.
func operation(method, path string) string {
	name := strings.ToLower(method)
	for _, part := range strings.FieldsFunc(strings.TrimPrefix(path, "/v1"), func(r rune) bool { return !('a' <= r && r <= 'z') }) {
		if part != "id" && part != "n" {
			name += strings.ToUpper(part[:1]) + part[1:]
		}
	}
	if strings.Contains(path, "{id}") {
		name += "ById"
	}
	return name
}

// The description of the API is that of the calls that there are.
func TestOpenAPI(t *testing.T) {
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(describe()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), string(openAPI)); diff != "" {
		t.Errorf("openapi.json is not that of the calls, run `make openapi` (-want +got):\n%s", diff)
	}
}
