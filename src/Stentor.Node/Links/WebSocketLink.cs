using System.Buffers;
using System.Net.WebSockets;
using System.Threading.Channels;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>A link's connection over a WebSocket, from either side: one message of the link is one binary message. Simulates distance where it is told to.</summary>
/// <param name="socket">An open WebSocket; disposed at the end.</param>
/// <param name="links">The links.</param>
/// <param name="address">Where the other side is.</param>
/// <param name="target">How far away it is to seem; null for as far as it is.</param>
/// <param name="time">Timers.</param>
public sealed class WebSocketLink(WebSocket socket, LinkLoop links, string address, LinkTarget? target, TimeProvider time) : ILinkConnection
{
    // Between the goodbye and the cut: enough for what is under way on any network.
    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(2);

    // Memory is taken in such steps, as far as the other side really sends.
    private const int ChunkBytes = 64 * 1024;

    // 1 MiB, what one link may bring at once (LinkOptions.NoticeBytesPerSecond): of what waits for longer, a later notice says the same better.
    private const int NoticeQueueBytesMax = 1024 * 1024;

    // Hello and proof: at most a few hundred bytes. Whoever has not proved yet that he knows the secret gets no more memory than this.
    private const int GreetingBytesMax = 4 * 1024;
    private const int Greetings = 2;

    // Synchronous: the links' own thread writes to the socket where it can, instead of waking another one for every message.
    private readonly Channel<(byte[]? Message, long At, bool IsNotice)> _out = Channel.CreateUnbounded<(byte[]?, long, bool)>(new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = true });
    private readonly CancellationTokenSource _cut = new();
    private long _queuedBytes;
    private long _queuedNoticeBytes;
    private long _delayedBytes;
    private long _underWay;
    private long _lastOut;
    private long _lastIn;
    private int _received;

    /// <inheritdoc/>
    public string Address => address;

    /// <summary>Why it ended; null when the connection broke.</summary>
    public LinkEnd? EndedBy { get; private set; }

    /// <inheritdoc/>
    public void Send(byte[] message)
    {
        // What is beyond is a peer that does not read.
        if (Interlocked.Add(ref _queuedBytes, message.Length) > QueueBytesMax)
        {
            _cut.Cancel();
            return;
        }

        _out.Writer.TryWrite((message, Due(ref _lastOut), false));
    }

    /// <inheritdoc/>
    public bool TrySendNotice(byte[] message)
    {
        // Only the links' thread adds, so what fits now fits when it is added.
        if (Interlocked.Read(ref _queuedNoticeBytes) + message.Length > NoticeQueueBytesMax)
        {
            return false;
        }

        Interlocked.Add(ref _queuedNoticeBytes, message.Length);
        return _out.Writer.TryWrite((message, Due(ref _lastOut), true));
    }

    /// <inheritdoc/>
    public void End(LinkEnd end)
    {
        EndedBy ??= end;
        _out.Writer.TryWrite((null, Due(ref _lastOut), false));
        _cut.CancelAfter(EndGrace + (target?.Delay ?? TimeSpan.Zero));
    }

    /// <summary>Runs it until one side ends it or it breaks.</summary>
    /// <param name="isDialer">Whether this side dialled.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task RunAsync(bool isDialer, CancellationToken stopping)
    {
        using var stop = stopping.UnsafeRegister(static cut => ((CancellationTokenSource)cut!).CancelAfter(EndGrace), _cut);
        var number = links.Open(this, isDialer);
        try
        {
            var sending = SendAllAsync();
            var receiving = target is null || target.Delay + target.Jitter == TimeSpan.Zero ? ReceiveAllAsync(number) : ReceiveDelayedAsync(number);
            if (await Task.WhenAny(sending, receiving) == sending && await sending)
            {
                // Said goodbye: what the other side still sends is read for as long as the grace lasts, so that a reset does not take the goodbye with it.
                await receiving;
            }

            await _cut.CancelAsync();
            await Task.WhenAll(sending, receiving);
        }
        finally
        {
            // The cut is not disposed: the links may send here, or end it, until they have heard that it is gone. Cancelled, it holds nothing.
            await _cut.CancelAsync();
            await links.CloseAsync(number);
            socket.Dispose();
        }
    }

    /// <summary>When a message given now is due, in milliseconds; never before the one before it.</summary>
    private long Due(ref long last)
    {
        if (target is null)
        {
            return 0;
        }

        var jitter = target.Jitter.TotalMilliseconds * ((Random.Shared.NextDouble() * 2) - 1);
        last = Math.Max(last, Now + Math.Max(0, (long)(target.Delay.TotalMilliseconds + jitter)));
        return last;
    }

    /// <summary>Most that a way may hold: entries are bounded by credit, which is at most a window doubled; the rest has room enough in 16 MiB.</summary>
    private long QueueBytesMax => (2L * links.Options.WindowBytes) + (16 * 1024 * 1024);

    private long Now => time.GetTimestamp() * 1000 / time.TimestampFrequency;

    /// <summary>Sends until the goodbye is said.</summary>
    /// <returns>Whether it was; false when the connection is gone.</returns>
    private async Task<bool> SendAllAsync()
    {
        try
        {
            await foreach (var (message, at, isNotice) in _out.Reader.ReadAllAsync(_cut.Token))
            {
                await UntilAsync(at);
                if (message is null)
                {
                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _cut.Token);
                    return true;
                }

                await socket.SendAsync(message.AsMemory(), WebSocketMessageType.Binary, endOfMessage: true, _cut.Token);
                Interlocked.Add(ref isNotice ? ref _queuedNoticeBytes : ref _queuedBytes, -message.Length);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // The connection is gone; the links hear of it at the end of RunAsync.
        }

        return false;
    }

    private async Task ReceiveAllAsync(int number)
    {
        while (await ReceiveAsync(number) is { } message)
        {
            await HandOverAsync(number, message);
        }
    }

    private async ValueTask HandOverAsync(int number, byte[] message)
    {
        _underWay += message.Length;
        links.Receive(number, message);
        if (_underWay > links.Options.WindowBytes)
        {
            // The other side may send more than it was asked for: it is read as fast as it is worked off.
            _underWay = 0;
            await links.CatchUpAsync();
        }
    }

    private async Task ReceiveDelayedAsync(int number)
    {
        var arrived = Channel.CreateUnbounded<(byte[] Message, long At)>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var handing = HandOverInTimeAsync();
        while (await ReceiveAsync(number) is { } message)
        {
            // What is beyond is a peer that does not keep to its credit.
            if (Interlocked.Add(ref _delayedBytes, message.Length) > QueueBytesMax)
            {
                await _cut.CancelAsync();
                break;
            }

            arrived.Writer.TryWrite((message, Due(ref _lastIn)));
        }

        arrived.Writer.Complete();
        await handing;

        async Task HandOverInTimeAsync()
        {
            try
            {
                await foreach (var (message, at) in arrived.Reader.ReadAllAsync(_cut.Token))
                {
                    await UntilAsync(at);
                    await HandOverAsync(number, message);
                    Interlocked.Add(ref _delayedBytes, -message.Length);
                }
            }
            catch (OperationCanceledException)
            {
                // Cut while messages were under way.
            }
        }
    }

    private async Task UntilAsync(long at)
    {
        if (at > 0 && at - Now is var rest and > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(rest), time, _cut.Token);
        }
    }

    /// <summary>The next message; null at the end.</summary>
    private async Task<byte[]?> ReceiveAsync(int number)
    {
        var bytesMax = _received++ < Greetings ? GreetingBytesMax : links.Options.MessageBytesMax;
        var isRefused = false;
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        var length = 0;
        try
        {
            while (true)
            {
                if (buffer.Length - length < ChunkBytes / 2)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }

                var received = await socket.ReceiveAsync(buffer.AsMemory(length), _cut.Token);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return null;
                }

                length += received.Count;
                if (!isRefused && (received.MessageType != WebSocketMessageType.Binary || length > bytesMax))
                {
                    isRefused = true;
                    links.Refuse(number, received.MessageType == WebSocketMessageType.Binary ? $"A message has more than {bytesMax} bytes, which is the most." : "A text message; the messages of a link are binary.");
                }

                if (isRefused)
                {
                    length = 0; // Read on, to no end, until the goodbye is through.
                    continue;
                }

                if (received.EndOfMessage)
                {
                    var message = GC.AllocateUninitializedArray<byte>(length);
                    buffer.AsSpan(0, length).CopyTo(message);
                    return message;
                }
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool IsEnd(Exception e) => e is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException;
}
