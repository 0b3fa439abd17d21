using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Stentor.Protocol;
using Stentor.Replication;
using Stentor.Storage;

namespace Stentor.Gateways;

/// <summary>Which entries a reader pulls.</summary>
/// <param name="Channels">Of which channels.</param>
/// <param name="After">What the reader has seen; null for nothing.</param>
/// <param name="CountMax">Most entries.</param>
/// <param name="Wait">How long to wait for the first one; null for not at all, and for the node's default until <paramref name="After"/> is covered.</param>
/// <param name="Newest">The newest ones instead of the first ones.</param>
internal readonly record struct PageWanted(ChannelSet Channels, VersionVector? After, int CountMax, TimeSpan? Wait, bool Newest = false);

/// <summary>Answers pulls: <c>{"activities": […], "seen", "more"}</c>, entries in the region's order, as the bytes they are.</summary>
/// <param name="services">What answers share.</param>
internal sealed class EntryPages(Services services)
{
    // A page ends when it is this long, whatever its count: what one request may cost in memory. An entry is at most about 200 kB.
    private const int PageBytesMax = 1024 * 1024;

    // Entries are about this long; a guess for how much to read at once.
    private const int EntryBytesGuess = 512;

    // Batches kept for the next requests; each keeps its memory of at most about a page.
    private const int SparesMax = 16;

    private readonly ConcurrentBag<LedgerBatch> _spares = [];

    private Store Store => services.Node.Store;

    /// <summary>Answers one pull.</summary>
    /// <param name="exchange">The request.</param>
    /// <param name="wanted">What is pulled; allowed already.</param>
    /// <param name="refuse">Asked when the region covers what the reader has seen: null to go on, else why not. Null for no question.</param>
    public async Task AnswerAsync(Exchange exchange, PageWanted wanted, Func<Refusal?>? refuse = null)
    {
        var http = exchange.Http;
        var started = services.Node.Time.GetTimestamp();
        if ((await services.CoverAsync(wanted.After, wanted.Wait, exchange.Aborted) ?? refuse?.Invoke()) is { } refusal)
        {
            await Problem.WriteAsync(http, refusal);
            return;
        }

        // A pull of rare channels may go through much of the ledger: not on a thread that serves sockets.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        long first;
        Page page;
        do
        {
            // Retention may go on meanwhile. The vectors of what it takes are gone: a token would be that of a later position, and skip what is not in the page.
            first = Store.FirstPosition;
            page = new Page(wanted.After is null ? 0 : Store.CoveredThrough(wanted.After));
            Fill(page, wanted);
            while (page.Count == 0 && wanted.Wait is { } wait)
            {
                var rest = wait - services.Node.Time.GetElapsedTime(started);
                if (rest <= TimeSpan.Zero || !await WaitAsync(wanted.Channels, page.Through, rest, exchange.Aborted))
                {
                    break;
                }

                Fill(page, wanted);
            }

            Finish(page, wanted);
        }
        while (Store.FirstPosition != first);

        await Reply.SendAsync(http, StatusCodes.Status200OK, page.Json);
    }

    private void Finish(Page page, PageWanted wanted)
    {
        var seen = Store.SeenAt(page.Through);
        var json = page.Json;
        json.Write("],\"seen\":"u8);
        json.WriteToken(wanted.After is null ? seen : seen.Merge(wanted.After));
        json.Write(page.More ? ",\"more\":true"u8 : ",\"more\":false"u8);
        WriteGaps(json, wanted.After ?? VersionVector.Empty, page.Holes.FindAll(h => h.First <= page.Through)); // A later one is the next page's.
        json.Write("}"u8);
    }

    /// <summary>Waits for an entry; a server that stops answers with what there is.</summary>
    private async ValueTask<bool> WaitAsync(ChannelSet channels, long position, TimeSpan wait, CancellationToken aborted)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(aborted, services.Stopping);
        try
        {
            return await services.Node.WaitForEntryAsync(channels, position, wait, either.Token);
        }
        catch (OperationCanceledException) when (services.Stopping.IsCancellationRequested && !aborted.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Fill(Page page, PageWanted wanted)
    {
        if (wanted.Newest)
        {
            FillNewest(page, wanted);
        }
        else
        {
            FillForwards(page, wanted);
        }
    }

    private void FillForwards(Page page, PageWanted wanted)
    {
        var filter = FilterFor(wanted.After, page.Through);
        var batch = Rent();
        try
        {
            while (true)
            {
                var bytesMax = Math.Min((wanted.CountMax - page.Count + 1) * EntryBytesGuess, PageBytesMax);
                Store.Read(page.Through, wanted.Channels, bytesMax, batch);
                page.Holes.AddRange(batch.Holes);
                foreach (var slice in batch.Entries)
                {
                    var entry = batch.Bytes.WrittenSpan.Slice(slice.Offset, slice.Length);
                    if (slice.Repeat || IsCovered(filter, entry))
                    {
                        page.Through = slice.Position;
                        continue;
                    }

                    if (page.Count == wanted.CountMax || page.Json.Length > PageBytesMax)
                    {
                        page.More = true;
                        return;
                    }

                    page.Add(entry);
                    page.Through = slice.Position;
                }

                page.Through = Math.Max(page.Through, batch.Through);
                if (batch.Entries.Count == 0 || page.Through >= Store.Position)
                {
                    return;
                }
            }
        }
        finally
        {
            Return(batch);
        }
    }

    private void FillNewest(Page page, PageWanted wanted)
    {
        var start = page.Through;
        var filter = FilterFor(wanted.After, start);
        var top = Store.Position;
        var chosen = new List<ReadOnlyMemory<byte>>();
        var bytes = 0;
        var batch = Rent();
        try
        {
            for (var before = top + 1; before > start + 1 && !page.More;)
            {
                Store.ReadNewest(before, wanted.Channels, wanted.CountMax - chosen.Count + 1, PageBytesMax, batch);
                page.Holes.AddRange(batch.Holes.Where(h => h.Last > start));
                for (var i = batch.Entries.Count - 1; i >= 0; i--)
                {
                    var slice = batch.Entries[i];
                    var entry = batch.Bytes.WrittenMemory.Slice(slice.Offset, slice.Length);
                    if (slice.Position <= start || slice.Repeat || IsCovered(filter, entry.Span))
                    {
                        continue;
                    }

                    if (chosen.Count == wanted.CountMax || bytes > PageBytesMax)
                    {
                        page.More = true;
                        break;
                    }

                    chosen.Add(entry.ToArray());
                    bytes += entry.Length;
                }

                if (batch.Entries.Count == 0)
                {
                    break;
                }

                before = batch.Through;
            }
        }
        finally
        {
            Return(batch);
        }

        for (var i = chosen.Count - 1; i >= 0; i--)
        {
            page.Add(chosen[i].Span);
        }

        page.Through = top;
    }

    /// <summary>What must be looked at entry by entry: a token that covers more than everything up to one position.</summary>
    private VersionVector? FilterFor(VersionVector? after, long position) => after is null || after.Equals(Store.SeenAt(position)) ? null : after;

    private static bool IsCovered(VersionVector? filter, ReadOnlySpan<byte> entry) =>
        filter is not null && EntryHeader.TryRead(entry, out var header)
        && filter[new OriginId(System.Text.Encoding.ASCII.GetString(header.Origin))] >= header.Seq;

    private void WriteGaps(ByteBuffer json, VersionVector after, List<LedgerHole> holes)
    {
        if (holes.Count == 0)
        {
            return;
        }

        json.Write(",\"gaps\":["u8);
        for (var i = 0; i < holes.Count; i++)
        {
            json.Write(i == 0 ? "{\"from\":"u8 : ",{\"from\":"u8);
            // Before the first position that is held nobody knows the vectors any more; the reader knows its own.
            json.WriteToken(holes[i].First <= Store.FirstPosition ? after : Store.SeenAt(holes[i].First - 1));
            json.Write(",\"to\":"u8);
            json.WriteToken(Store.SeenAt(holes[i].Last));
            json.Write(",\"reason\":"u8);
            JsonText.Write(holes[i].Reason, json);
            json.Write("}"u8);
        }

        json.Write("]"u8);
    }

    private LedgerBatch Rent() => _spares.TryTake(out var batch) ? batch : new LedgerBatch();

    private void Return(LedgerBatch batch)
    {
        batch.Clear();
        batch.Bytes.Clear(2 * PageBytesMax);
        if (_spares.Count < SparesMax)
        {
            _spares.Add(batch);
        }
    }

    private sealed class Page
    {
        public Page(long through)
        {
            Through = through;
            Json.Write("{\"activities\":["u8);
        }

        /// <summary>The answer so far. Its own memory: it is written before and after waits.</summary>
        public ByteBuffer Json { get; } = new(1024);

        public int Count { get; private set; }

        /// <summary>Everything wanted up to this position is in the answer.</summary>
        public long Through { get; set; }

        /// <summary>Whether there is more than the answer holds.</summary>
        public bool More { get; set; }

        public List<LedgerHole> Holes { get; } = [];

        public void Add(ReadOnlySpan<byte> entry)
        {
            Json.Write(Count == 0 ? ""u8 : ","u8);
            Json.Write(entry);
            Count++;
        }
    }
}
