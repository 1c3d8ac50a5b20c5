// Package guid is the dialect of programs that keep their clients by a guid: a
// tenant gets tokens, makes clients, links, recovers and deletes them, and hears
// of them by callbacks (functions/webhook/guid).
//
// Every answer is {"code","data","msg","requestId"}; business errors have HTTP 200. What is
// asked and answered is openapi.json, by which each body is judged.
package guid

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/functions/api/openapi"
	"roost/functions/api/ratelimit"
	"roost/shared/fault"
	"roost/shared/table"
	"roost/shared/tenant"
)

// Document is the dialect's OpenAPI document.
//
//go:embed openapi.json
var Document []byte

const (
	maxBody  = 64 << 10         // bytes of a request
	patience = 28 * time.Second // API Gateway gives up after 30 s

	creates = 10 // from one address in any minute
)

// Deps are what the dialect works with. All must be set, but for AdminKey
// without which nobody makes tenants.
type Deps struct {
	Core     *core.Core
	Table    table.Table
	AdminKey []byte // SHA-256
	Log      *slog.Logger
	Now      func() time.Time
}

// Handler serves the dialect.
type Handler struct {
	core     *core.Core
	document *openapi.Document
	accounts *tenant.Accounts
	configs  *tenant.Repository
	creates  *ratelimit.Limiter
	table    table.Table
	admin    []byte
	log      *slog.Logger
	now      func() time.Time
	routes   map[string]route
}

// route serves an operation of the document.
type route struct {
	open  bool // needs no token
	admin bool // needs the admin key instead
	serve func(context.Context, request) (any, error)
}

// request is an operation's, judged.
type request struct {
	*http.Request
	tenant tenant.ID
	guid   string // of the path or the body
	body   map[string]any
	raw    []byte
}

// New makes a handler.
func New(d Deps) (*Handler, error) {
	document, err := openapi.Read(Document)
	if err != nil {
		return nil, err
	}
	h := &Handler{
		core: d.Core, document: document, accounts: tenant.NewAccounts(d.Table).WithClock(d.Now), configs: tenant.NewRepository(d.Table),
		creates: ratelimit.New(d.Table, "create", creates, time.Minute, d.Now), table: d.Table, admin: d.AdminKey, log: d.Log, now: d.Now,
	}
	h.routes = map[string]route{
		"POST /tenant/create":           {serve: h.createTenant, admin: true},
		"POST /tenant/resetSecret":      {serve: h.resetSecret, admin: true},
		"POST /tenant/token":            {serve: h.token, open: true},
		"POST /tenant/setConfig":        {serve: h.setConfig},
		"POST /client/createClient":     {serve: h.create},
		"POST /client/recoverClient":    {serve: h.recover},
		"DELETE /client/{guid}":         {serve: h.remove},
		"POST /client/setNotifyUrl":     {serve: h.setNotifyURL},
		"POST /client/getClientStatus":  {serve: h.status},
		"GET /client/list":              {serve: h.list},
		"POST /client/stopClient":       {serve: h.stop},
		"POST /client/heartbeat":        {serve: h.heartbeat},
		"POST /login/getLoginQrcode":    {serve: h.qrcode},
		"POST /login/checkLoginQrcode":  {serve: h.checkQRCode},
		"POST /login/verifyLoginQrcode": {serve: h.heartbeat}, // WhatsApp asks for no code here
		"POST /login/getPairCode":       {serve: h.pairCode},
	}
	return h, nil
}

// Serves reports whether a path is the dialect's.
func Serves(path string) bool {
	for _, prefix := range []string{"/tenant/", "/client/", "/login/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	id := newRequestID()
	data, err := h.serve(ctx, w, r)
	if err != nil {
		p := problemOf(err)
		if p.status >= http.StatusInternalServerError {
			h.log.ErrorContext(ctx, "request failed", "path", r.URL.Path, "request_id", id, "err", err)
		}
		p.write(w, id)
		return
	}
	answer{Data: data, Message: "ok", Request: id}.write(w, http.StatusOK)
}

func (h *Handler) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) (any, error) {
	operation, ok := h.document.Find(r.Method, r.URL.Path)
	found, served := h.routes[operation.Method+" "+operation.Path]
	if !ok || !served {
		return nil, &problem{status: http.StatusNotFound, Code: http.StatusNotFound, Message: "there is no such route"}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, &problem{status: http.StatusRequestEntityTooLarge, Code: http.StatusRequestEntityTooLarge, Message: "the body is above 64 KiB"}
		}
		return nil, fault.Wrap(fault.Invalid, err, "the body has not arrived")
	}
	q := request{Request: r, raw: bytes.TrimSpace(raw)}
	if q.tenant, err = h.caller(ctx, r, found); err != nil {
		return nil, err
	}
	value, err := operation.Body(q.raw)
	if err != nil {
		return nil, err
	}
	q.body, _ = value.(map[string]any)
	if q.guid = q.text("guid"); r.Method == http.MethodDelete {
		_, q.guid, _ = strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	}
	return found.serve(ctx, q)
}

// caller finds out who asks.
func (h *Handler) caller(ctx context.Context, r *http.Request, found route) (tenant.ID, error) {
	if found.open {
		return "", nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", fault.New(fault.Unauthorized, "token missing")
	}
	if !found.admin {
		return h.accounts.Tenant(ctx, token)
	}
	sum := sha256.Sum256([]byte(token))
	if len(h.admin) == 0 || subtle.ConstantTimeCompare(sum[:], h.admin) != 1 {
		return "", fault.New(fault.Unauthorized, "token invalid")
	}
	return "", nil
}

// text is a field of the body, "" for none.
func (q request) text(name string) string {
	text, _ := q.body[name].(string)
	return text
}

// number is a field of the body, of any spelling of a whole number, 0 for none.
func (q request) number(name string) int {
	n, ok := q.body[name].(fmt.Stringer)
	if !ok {
		return 0
	}
	var whole float64
	if _, err := fmt.Sscan(n.String(), &whole); err != nil {
		return 0
	}
	return int(whole)
}
