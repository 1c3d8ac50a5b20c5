package handler

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	h := recovered(slog.New(slog.NewTextHandler(&logged, nil)), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "oops") || !strings.Contains(w.Body.String(), `"status":500`) {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	if !strings.Contains(logged.String(), "oops") {
		t.Errorf("logged %q", logged.String())
	}
}

func TestHealthTakesNoOtherMethods(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	health(w, httptest.NewRequest(http.MethodPost, "/health", nil), "v")
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /health: %d", w.Code)
	}
}
