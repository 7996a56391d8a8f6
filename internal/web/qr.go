package web

import (
	"fmt"
	"net/http"
	"strings"

	"rsc.io/qr"

	"lanyard/internal/wire"
)

// quietZone is the white frame of a QR code, in modules, as the standard wants it.
const quietZone = 4

// qr draws a share's code and best address, as the page takes them at the other
// side: CODE@HOST:PORT.
func (a *api) qr(w http.ResponseWriter, r *http.Request) error {
	t, err := a.d.Transfer(r.PathValue("id"))
	if err != nil {
		return err
	}
	if t.Code == "" {
		return fmt.Errorf("%w: this transfer has no code", wire.ErrUsage)
	}
	text := t.Code
	if len(t.Addresses) > 0 {
		text += "@" + t.Addresses[0]
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return fmt.Errorf("draw the code: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	side := code.Size + 2*quietZone
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`, side, side, side, side, &path)
	return nil
}
