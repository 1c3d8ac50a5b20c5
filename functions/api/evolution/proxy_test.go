package evolution_test

import (
	"strings"
	"testing"

	"roost/functions/api/apitest"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

func TestProxy(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "a", "t")
	const body = `{"enabled":true,"host":"p.example","port":"1080","protocol":"socks5","username":"bird","password":"seed"}`
	want(t, "none", w.Do(t, "GET", "/proxy/find/a", "t", ""), 200, `null`)
	want(t, "set", w.Do(t, "POST", "/proxy/set/a", "t", body), 201, `{"proxy":{"instanceName":"a","proxy":`+body+`}}`)
	want(t, "find", w.Do(t, "GET", "/proxy/find/a", "t", ""), 200, `{"id":"UUID",`+strings.TrimSuffix(strings.TrimPrefix(body, "{"), "}")+
		`,"onlyLogin":false,"createdAt":"TIME","updatedAt":"TIME","instanceId":"UUID"}`)
	if a := w.Do(t, "GET", "/instance/fetchInstances?instanceName=a", "t", ""); !strings.Contains(a.Body, `"Proxy":{"id":`) {
		t.Errorf("the row has %s", a.Body)
	}

	for name, c := range map[string]struct {
		body  string
		fault error
		want  string
	}{
		"another protocol":    {strings.Replace(body, "socks5", "socks4", 1), nil, `The proxy cannot be used: its protocol is none of socks5, http and https.`},
		"a port that is none": {strings.Replace(body, "1080", "x", 1), nil, `The proxy cannot be used: its host or its port is none.`},
		"one that is down":    {body, fault.Coded(fault.Invalid, instance.ReasonProxyDown, "The proxy cannot be reached."), `The proxy cannot be reached.`},
	} {
		w.Host.Tell(func(h *apitest.Host) { h.Faults = map[command.Kind]error{command.TestProxy: c.fault} })
		refused := `{"status":400,"error":"Bad Request","response":{"message":["Invalid proxy","` + c.want + `"]}}`
		want(t, name, w.Do(t, "POST", "/proxy/set/a", "t", c.body), 400, refused)
		created := `{"instanceName":"b","integration":"WHATSAPP-BAILEYS",` + strings.NewReplacer(`"enabled":true,`, "", `{"host"`, `"proxyHost"`, `"host"`, `"proxyHost"`, `"port"`, `"proxyPort"`,
			`"protocol"`, `"proxyProtocol"`, `"username"`, `"proxyUsername"`, `"password"`, `"proxyPassword"`, "{", "").Replace(c.body)
		want(t, name+", created", w.Do(t, "POST", "/instance/create", apitest.AdminKey, created), 400, refused)
	}
	w.Host.Tell(func(h *apitest.Host) { h.Faults = nil })
	off := `{"enabled":false,"host":"","port":"","protocol":"","username":"","password":""}`
	want(t, "off", w.Do(t, "POST", "/proxy/set/a", "t", off), 201, `{"proxy":{"instanceName":"a","proxy":`+off+`}}`)
	if a := w.Do(t, "GET", "/proxy/find/a", "t", ""); !strings.Contains(a.Body, `"enabled":false,"host":"","port":""`) || strings.Contains(a.Body, "seed") {
		t.Errorf("found %s", a.Body)
	}
}
