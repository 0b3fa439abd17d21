using Stentor.Simulation;

namespace Stentor.Storage.Tests;

/// <summary>The same publishes every time: several channels, batches of several sizes, check-points in between; and what must hold after any crash.</summary>
internal sealed class ScriptedLoad(SimulatedDisk disk, StoreOptions options)
{
    public const int Batches = 40;

    private readonly List<string> _acknowledged = [];
    private List<string> _underWay = [];

    /// <summary>The positions up to which all is acknowledged.</summary>
    public int Acknowledged => _acknowledged.Count;

    /// <summary>Runs the load to its end, or to the power cut.</summary>
    /// <returns>Whether it came to its end.</returns>
    public bool Run()
    {
        TestStore? store = null;
        try
        {
            store = new TestStore(disk, options);
            for (var i = 0; i < Batches; i++)
            {
                RunBatch(store, i);
                if (i % 7 == 6)
                {
                    store.Store.Checkpoint();
                }
            }

            return true;
        }
        catch (PowerCutException)
        {
            return false;
        }
        finally
        {
            store?.Dispose();
        }
    }

    /// <summary>Starts again and checks that everything acknowledged is there, in order, with at most a part of the batch that was under way after it, and that the state is its fold.</summary>
    /// <param name="isWhole">Whether the ledger must start at its first position: no retention.</param>
    public void Check(bool isWhole = true)
    {
        using var store = new TestStore(disk, options);
        CheckEntries(store, isWhole);
        CheckState(store);

        store.Publish("c0", """{"activity":{"after":"the crash"}}""");
        CheckEntries(store, isWhole, more: 1);
    }

    private void RunBatch(TestStore store, int i)
    {
        _underWay = [];
        for (var j = 0; j <= i % 5; j++)
        {
            store.Add($"c{(i + j) % 4}", "{\"id\":\"" + i + "-" + j + "\",\"effect\":{\"add\":{\"n\":1}},\"activity\":{\"text\":\"" + new string('x', i * 37 % 700) + "\"}}");
        }

        foreach (var entry in store.Outbox.Entries)
        {
            _underWay.Add(System.Text.Encoding.UTF8.GetString(store.Outbox.Bytes.WrittenSpan.Slice(entry.Offset, entry.Length)));
        }

        store.Commit();
        _acknowledged.AddRange(_underWay);
        _underWay = [];
    }

    private void CheckEntries(TestStore store, bool isWhole, int more = 0)
    {
        var first = (int)store.Store.FirstPosition;
        Assert.True(first == 1 || !isWhole);
        var found = store.ReadAll(first - 1);
        var expected = _acknowledged.Skip(first - 1).ToList();
        Assert.True(found.Count >= expected.Count, $"{expected.Count - found.Count} acknowledged entries are gone");
        Assert.Equal(expected, found.Take(expected.Count));
        var rest = found.Skip(expected.Count).SkipLast(more).ToList();
        Assert.Equal(_underWay.Take(rest.Count), rest);
        Assert.Empty(store.Store.Status.Damage);
        Assert.Equal(found.Count + first - 1, store.Store.Position);
    }

    private static void CheckState(TestStore store)
    {
        if (store.Store.FirstPosition != 1)
        {
            return; // The fold of what is left is not the state.
        }

        for (var c = 0; c < 4; c++)
        {
            var count = store.Read($"c{c}").Count;
            Assert.Equal(count == 0 ? null : "{\"n\":" + count + "}", store.State($"c{c}"));
            Assert.Equal(count, store.Store.Find($"c{c}")?.Version ?? 0);
        }
    }
}
