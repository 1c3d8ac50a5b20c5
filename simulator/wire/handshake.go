package wire

import (
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"google.golang.org/protobuf/proto"
)

// respond is the server's side of the handshake.
func (c *Conn) respond(a *Authority, o Options) error {
	if err := o.at(StepUpgraded); err != nil {
		return err
	}
	hello, err := c.readHandshake()
	if err != nil {
		return err
	}
	if err := o.at(StepClientHello); err != nil {
		return err
	}
	n, err := newNoise()
	if err != nil {
		return err
	}
	ephemeral, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make ephemeral key: %w", err)
	}
	clientEphemeral := hello.GetClientHello().GetEphemeral()
	n.authenticate(clientEphemeral)
	n.authenticate(ephemeral.PublicKey().Bytes())
	if err := n.mix(ephemeral, clientEphemeral); err != nil {
		return fmt.Errorf("%w: client ephemeral key: %w", ErrMalformed, err)
	}
	static := n.encrypt(a.static.PublicKey().Bytes())
	if err := n.mix(a.static, clientEphemeral); err != nil {
		return fmt.Errorf("%w: client ephemeral key: %w", ErrMalformed, err)
	}
	if err := c.writeHandshake(&waWa6.HandshakeMessage{ServerHello: &waWa6.HandshakeMessage_ServerHello{
		Ephemeral: ephemeral.PublicKey().Bytes(),
		Static:    static,
		Payload:   n.encrypt(a.chain),
	}}); err != nil {
		return err
	}

	finish, err := c.readHandshake()
	if err != nil {
		return err
	}
	key, err := n.decrypt(finish.GetClientFinish().GetStatic())
	if err != nil {
		return fmt.Errorf("%w: client static key: %w", ErrMalformed, err)
	}
	if err := n.mix(ephemeral, key); err != nil {
		return fmt.Errorf("%w: client static key: %w", ErrMalformed, err)
	}
	payload, err := n.decrypt(finish.GetClientFinish().GetPayload())
	if err != nil {
		return fmt.Errorf("%w: client payload: %w", ErrMalformed, err)
	}
	c.static = [keySize]byte(key)
	c.payload = new(waWa6.ClientPayload)
	if err := proto.Unmarshal(payload, c.payload); err != nil {
		return fmt.Errorf("%w: client payload: %w", ErrMalformed, err)
	}
	fromClient, fromServer, err := n.split()
	if err != nil {
		return err
	}
	c.established(fromServer, fromClient)
	return o.at(StepClientFinish)
}

// initiate is the client's side of the handshake.
func (c *Conn) initiate(static *ecdh.PrivateKey, root [keySize]byte, payload *waWa6.ClientPayload) error {
	n, err := newNoise()
	if err != nil {
		return err
	}
	ephemeral, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make ephemeral key: %w", err)
	}
	n.authenticate(ephemeral.PublicKey().Bytes())
	if err := c.writeHandshake(&waWa6.HandshakeMessage{ClientHello: &waWa6.HandshakeMessage_ClientHello{
		Ephemeral: ephemeral.PublicKey().Bytes(),
	}}); err != nil {
		return err
	}

	message, err := c.readHandshake()
	if err != nil {
		return err
	}
	hello := message.GetServerHello()
	n.authenticate(hello.GetEphemeral())
	if err := n.mix(ephemeral, hello.GetEphemeral()); err != nil {
		return fmt.Errorf("%w: server ephemeral key: %w", ErrMalformed, err)
	}
	serverStatic, err := n.decrypt(hello.GetStatic())
	if err != nil {
		return fmt.Errorf("%w: server static key: %w", ErrMalformed, err)
	}
	if err := n.mix(ephemeral, serverStatic); err != nil {
		return fmt.Errorf("%w: server static key: %w", ErrMalformed, err)
	}
	chain, err := n.decrypt(hello.GetPayload())
	if err != nil {
		return fmt.Errorf("%w: certificate chain: %w", ErrMalformed, err)
	}
	if err := verifyChain(chain, root, serverStatic, time.Now()); err != nil {
		return err
	}

	key := n.encrypt(static.PublicKey().Bytes())
	if err := n.mix(static, hello.GetEphemeral()); err != nil {
		return fmt.Errorf("%w: server ephemeral key: %w", ErrMalformed, err)
	}
	encoded, err := proto.Marshal(payload)
	if err != nil {
		return fmt.Errorf("marshal client payload: %w", err)
	}
	if err := c.writeHandshake(&waWa6.HandshakeMessage{ClientFinish: &waWa6.HandshakeMessage_ClientFinish{
		Static:  key,
		Payload: n.encrypt(encoded),
	}}); err != nil {
		return err
	}
	c.static, c.payload = [keySize]byte(static.PublicKey().Bytes()), payload
	fromClient, fromServer, err := n.split()
	if err != nil {
		return err
	}
	c.established(fromClient, fromServer)
	return nil
}

func (c *Conn) readHandshake() (*waWa6.HandshakeMessage, error) {
	frame, err := c.readFrame()
	if err != nil {
		return nil, c.readFailure(err)
	}
	m := new(waWa6.HandshakeMessage)
	if err := proto.Unmarshal(frame, m); err != nil {
		return nil, fmt.Errorf("%w: handshake message: %w", ErrMalformed, err)
	}
	return m, nil
}

func (c *Conn) writeHandshake(m *waWa6.HandshakeMessage) error {
	message, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("marshal handshake message: %w", err)
	}
	return c.writePlain(message)
}
