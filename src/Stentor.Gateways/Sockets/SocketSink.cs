using System.Net.Sockets;
using System.Runtime.InteropServices;
using Stentor.Node;

namespace Stentor.Gateways;

/// <summary>
/// A reader's bytes straight to the connection's own socket: one system call, no copy, no other thread. What the socket cannot take waits in it,
/// by a pending send of the rest of one frame.
/// </summary>
internal sealed class SocketSink : ISink
{
    private readonly Socket _socket;
    private readonly Action _abort;
    private SocketAsyncEventArgs? _pending;
    private Reader? _reader;

    /// <summary>Makes a sink; the socket does not block from here on.</summary>
    /// <param name="socket">The connection's socket; whoever accepted it closes it.</param>
    /// <param name="abort">Ends the connection.</param>
    public SocketSink(Socket socket, Action abort)
    {
        (_socket, _abort) = (socket, abort);
        socket.Blocking = false;
        socket.NoDelay = true;
    }

    /// <inheritdoc/>
    public int Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var sent = _socket.Send(bytes, SocketFlags.None, out var error);
            return error switch
            {
                SocketError.Success => sent,
                SocketError.WouldBlock => 0,
                _ => -1,
            };
        }
        catch (ObjectDisposedException)
        {
            return -1;
        }
    }

    /// <inheritdoc/>
    public void SendLater(ReadOnlyMemory<byte> rest, Reader reader)
    {
        // Made by the first wait, and kept: who was slow once is slow again.
        if (_pending is null)
        {
            _pending = new SocketAsyncEventArgs();
            _pending.Completed += (_, _) => OnSent();
        }

        _reader = reader;
        try
        {
            _pending.SetBuffer(MemoryMarshal.AsMemory(rest)); // Sending does not write to it.
            if (_socket.SendAsync(_pending))
            {
                return;
            }
        }
        catch (ObjectDisposedException)
        {
            // Closed meanwhile: the reader learns it from its next send.
        }

        OnSent();
    }

    /// <inheritdoc/>
    public void Abort() => _abort();

    private void OnSent()
    {
        _pending!.SetBuffer(default); // Set by SendLater, before this can run.
        _reader!.OnWritable();
    }
}
