using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Stentor.Gateways;

/// <summary>Keeps this server linked to another one: the first of those named that can be reached, and again when that link has ended.</summary>
/// <param name="gateway">Whose link it is.</param>
/// <param name="secret">The secret that servers give each other.</param>
internal sealed class StreamerDialer(StreamerGateway gateway, string secret)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WaitMin = TimeSpan.FromMilliseconds(200);

    // 5 s: as often as servers announce themselves.
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(5);

    // A link that lasted so long was a good one: the next try comes soon.
    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(10);

    /// <summary>Runs until it is told to end.</summary>
    /// <param name="stopping">Ends it.</param>
    public async Task RunAsync(CancellationToken stopping)
    {
        var failures = 0;
        var saidBefore = new Dictionary<StreamerServer, string>();
        while (!stopping.IsCancellationRequested)
        {
            foreach (var remote in gateway.Options.Remotes)
            {
                var start = gateway.Node.Time.GetTimestamp();
                var reason = await LinkAsync(remote, stopping);
                if (stopping.IsCancellationRequested)
                {
                    return;
                }

                if (gateway.Node.Time.GetElapsedTime(start) >= Lasting)
                {
                    // It was linked, and is not any more: from the first one again.
                    failures = 0;
                    saidBefore.Clear();
                    break;
                }

                failures++;
                if (reason is not null && saidBefore.GetValueOrDefault(remote) != reason)
                {
                    saidBefore[remote] = reason; // Once, until something else is the matter.
                    StreamerLog.Unreachable(gateway.Log, remote.ToString(), reason, NextWait(failures).TotalSeconds);
                }

                await Task.Delay(NextWait(failures) * (0.5 + (Random.Shared.NextDouble() / 2)), gateway.Node.Time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private TimeSpan NextWait(int failures)
    {
        // Alternatives are tried at once; only a whole round without success makes the wait longer.
        var rounds = (failures - 1) / Math.Max(1, gateway.Options.Remotes.Count);
        return TimeSpan.FromTicks(Math.Min(WaitMax.Ticks, WaitMin.Ticks << Math.Min(rounds, 10)));
    }

    /// <summary>Links, and serves the link until it ends.</summary>
    /// <returns>Why it ended, or did not come about; null when there is nothing to say.</returns>
    private async Task<string?> LinkAsync(StreamerServer remote, CancellationToken stopping)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            patience.CancelAfter(ConnectTimeout);
            await socket.ConnectAsync(remote.Host, remote.Port, patience.Token);
            stream = new NetworkStream(socket, ownsSocket: false);
            if (remote.IsTls)
            {
                var tls = new SslStream(stream, leaveInnerStreamOpen: false);
                stream = tls;
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = remote.Host }, patience.Token);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or AuthenticationException)
        {
            stream?.Dispose();
            return e is OperationCanceledException ? $"no answer within {ConnectTimeout.TotalSeconds:0} s." : e.Message;
        }

        try
        {
            await using (stream)
            {
                var input = PipeReader.Create(stream);
                using var sink = new PipeSink(PipeWriter.Create(stream), socket.Dispose);
                using var session = new StreamerSession(gateway, sink, socket, socket.RemoteEndPoint as IPEndPoint, input);
                await session.RunDialledAsync(secret);
                return session.Reason;
            }
        }
        catch (Exception e)
        {
            return e.Message; // Whatever it was: it is told, and the next try may do.
        }
    }
}
