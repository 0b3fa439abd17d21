using System.Globalization;
using System.Text;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <content>The other side is a server: what it brings is published, what is published goes to it.</content>
internal sealed partial class StreamerSession
{
    // What is read from the ledger at once for a server.
    private const int FeedBytes = 64 * 1024;

    // A wait for news has an end, so that nobody waits for ever; then the next one begins.
    private static readonly TimeSpan FeedWait = TimeSpan.FromMinutes(1);

    private CancellationTokenSource? _feeding; // Of a peer.
    private Task _feed = Task.CompletedTask;
    private byte[] _feedMark = [];
    private long _broadcasts;
    private int _peer;

    private void BecomePeer(string way)
    {
        // Activities from here on; its own are known by their publish ids, which name this process and this link.
        var position = _node.Hub.Position;
        _phase = Phase.Peer;
        _feeding = new CancellationTokenSource();
        _peer = _gateway.Open(this);
        _feedMark = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\"{_node.Name}/{_peer}/"));
        StreamerLog.Linked(_gateway.Log, Client, way);
        _feed = FeedAsync(position, _feeding.Token);
    }

    private void TakeBroadcast(StreamerMessage message)
    {
        if (_phase != Phase.Peer)
        {
            Refuse("ACTIVITY_BROADCAST is for servers; this connection has not authenticated as one");
            return;
        }

        if (!_gateway.Takes(_peer, message.Activity))
        {
            return;
        }

        // It says itself whose it is; the server over there has checked that.
        var id = string.Create(CultureInfo.InvariantCulture, $"{_node.Name}/{_peer}/{++_broadcasts}");
        _batch.Add(new Command.Publish(_gateway.Options.Channel, Accounts.ForeignServer, new PublishBody(message.Activity, Id: id), this));
    }

    /// <summary>Sends the other server every activity that did not come from it, at its own pace: the ledger waits for it.</summary>
    private async Task FeedAsync(long position, CancellationToken ended)
    {
        var channels = new ChannelSet(_gateway.Channel);
        var batch = new LedgerBatch();
        var line = new ByteBuffer();
        try
        {
            while (!ended.IsCancellationRequested)
            {
                var through = _node.Hub.Position;
                if (!await _node.WaitForEntryAsync(channels, position, FeedWait, ended))
                {
                    position = Math.Max(position, through); // What came up to there was for other channels, and is not looked at again.
                    continue;
                }

                do
                {
                    batch.Clear();
                    _node.Store.Read(position, channels, FeedBytes, batch);
                    Write(batch, line);
                    position = Math.Max(position, batch.Through);
                    _reader.Flush();
                    await _reader.DrainAsync(ended);
                }
                while (batch.Entries.Count > 0 && !ended.IsCancellationRequested);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The link has ended.
        }
        catch (Exception e)
        {
            // A disk that does not read, or a fault of ours: a link that brings nothing any more must not look like one that does.
            StreamerLog.FeedFailed(_gateway.Log, Client, e.Message);
            _sink.Abort();
        }
    }

    private void Write(LedgerBatch batch, ByteBuffer line)
    {
        foreach (var slice in batch.Entries)
        {
            var entry = batch.BytesOf(slice);
            if (slice.Repeat || !BroadcastLine.HasActivity(entry) || IsItsOwn(entry))
            {
                continue;
            }

            line.Clear();
            line.Advance(BroadcastLine.Write(entry, line.GetSpan(entry.Length)));
            _gateway.OnSent(_peer, BroadcastLine.ActivityOf(line.WrittenSpan));
            _reader.Write(line.WrittenSpan);
        }
    }

    private bool IsItsOwn(ReadOnlySpan<byte> entry) =>
        EntryHeader.TryRead(entry, out var header) && header.Author.SequenceEqual("activity-streamer"u8)
        && EntryBody.TryRead(entry, header, out var body) && body.Id.StartsWith(_feedMark);
}
