package web

import (
	_ "embed"
	"net/http"
)

// openAPI describes the API: it is made of the table of routes, by TestOpenAPI.
//
//go:embed openapi.json
var openAPI []byte

// serveOpenAPI answers it.
func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI) // an error means that the caller has gone
}
