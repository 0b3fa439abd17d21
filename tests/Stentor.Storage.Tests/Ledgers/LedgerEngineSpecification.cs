using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage.Tests;

/// <summary>What every ledger engine promises. An engine's tests subclass it and say how the engine is made, crashed and made to fail.</summary>
public abstract class LedgerEngineSpecification
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    /// <summary>The engine.</summary>
    protected abstract ILedgerEngine Engine { get; }

    /// <summary>What the engine's node knows.</summary>
    protected abstract Store Store { get; }

    /// <summary>Most commands waiting.</summary>
    protected abstract int QueueMax { get; }

    /// <summary>Ends the node without warning and starts it again: <see cref="Engine"/> and <see cref="Store"/> are new ones.</summary>
    protected abstract void Crash();

    /// <summary>Makes the next commit fail.</summary>
    protected abstract void FailNextCommit();

    [Fact]
    public void Commands_are_taken_in_the_order_in_which_one_submitter_gave_them()
    {
        Assert.True(Engine.TrySubmit([Publish(1), Publish(2)]));
        Assert.True(Engine.TrySubmit([Publish(3)]));

        var batch = new List<Command>();
        Assert.True(Engine.Take(batch, 10, CancellationToken.None));

        Assert.Equal([1, 2, 3], batch.Select(RefOf));
    }

    [Fact]
    public void A_batch_holds_no_more_than_was_asked_for_and_the_rest_comes_next()
    {
        Assert.True(Engine.TrySubmit([Publish(1), Publish(2), Publish(3)]));
        var first = new List<Command>();
        var second = new List<Command>();

        Assert.True(Engine.Take(first, 2, CancellationToken.None));
        Assert.True(Engine.Take(second, 2, CancellationToken.None));

        Assert.Equal([1, 2], first.Select(RefOf));
        Assert.Equal([3], second.Select(RefOf));
    }

    [Fact]
    public void A_full_queue_takes_all_or_nothing()
    {
        var fits = Enumerable.Range(0, QueueMax - 1).Select(i => (Command)Publish(i)).ToArray();
        Assert.True(Engine.TrySubmit(fits));

        Assert.False(Engine.TrySubmit([Publish(-1), Publish(-2)]));
        Assert.True(Engine.TrySubmit([Publish(-3)]));
        Assert.False(Engine.TrySubmit([Publish(-4)]));

        var batch = new List<Command>();
        while (batch.Count < QueueMax)
        {
            Assert.True(Engine.Take(batch, QueueMax, CancellationToken.None));
        }

        Assert.Equal(-3, RefOf(batch[^1]));
        Assert.DoesNotContain(batch, c => RefOf(c) is -1 or -2 or -4);
        Assert.True(Engine.TrySubmit([Publish(-5)]));
    }

    [Fact]
    public async Task Take_waits_for_the_next_command()
    {
        var batch = new List<Command>();
        var taking = Task.Run(() => Engine.Take(batch, 10, CancellationToken.None));

        Assert.True(Engine.TrySubmit([Publish(7)]));

        Assert.True(await taking.WaitAsync(Deadline));
        Assert.Equal(7, RefOf(Assert.Single(batch)));
    }

    [Fact]
    public async Task A_wait_can_be_ended()
    {
        using var ending = new CancellationTokenSource();
        var taking = Task.Run(() => Engine.Take([], 10, ending.Token));

        await ending.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => taking.WaitAsync(Deadline));
    }

    [Fact]
    public async Task A_completed_engine_refuses_new_commands_and_gives_what_is_left()
    {
        Assert.True(Engine.TrySubmit([Publish(1)]));
        Engine.Complete();
        var batch = new List<Command>();

        Assert.False(Engine.TrySubmit([Publish(2)]));
        Assert.True(Engine.Take(batch, 10, CancellationToken.None));
        Assert.Equal(1, RefOf(Assert.Single(batch)));
        Assert.False(await Task.Run(() => Engine.Take(batch, 10, CancellationToken.None)).WaitAsync(Deadline));
        Assert.Single(batch);
    }

    [Fact]
    public async Task Completing_ends_a_wait()
    {
        var taking = Task.Run(() => Engine.Take([], 10, CancellationToken.None));

        Engine.Complete();

        Assert.False(await taking.WaitAsync(Deadline));
    }

    [Fact]
    public async Task Many_submitters_each_keep_their_order_and_nothing_is_lost()
    {
        const int Submitters = 8;
        const int Each = 2000;
        var taken = new List<Command>();
        var taking = Task.Run(() =>
        {
            while (taken.Count < Submitters * Each)
            {
                Engine.Take(taken, 100, CancellationToken.None);
            }
        });
        var submitting = Enumerable.Range(0, Submitters).Select(s => Task.Run(() =>
        {
            for (var i = 0; i < Each; i += 2)
            {
                var wait = default(SpinWait);
                while (!Engine.TrySubmit([Publish((s * Each) + i), Publish((s * Each) + i + 1)]))
                {
                    wait.SpinOnce();
                }
            }
        }));

        await Task.WhenAll(submitting).WaitAsync(Deadline);
        await taking.WaitAsync(Deadline);

        foreach (var submitter in taken.GroupBy(c => RefOf(c) / Each))
        {
            Assert.Equal(Enumerable.Range((int)submitter.Key * Each, Each).Select(i => (long)i), submitter.Select(RefOf));
        }
    }

    [Fact]
    public void What_was_committed_survives_a_crash()
    {
        var outcome = Commit(Publish(1));

        Crash();

        Assert.Equal(outcome.Seq, Store.Mark.Seen[outcome.Origin]);
        Assert.Equal(1, Store.Find("a")!.Version);
        Assert.Equal(2, Commit(Publish(2)).Seq);
    }

    [Fact]
    public void What_was_taken_and_not_committed_is_not_there_after_a_crash()
    {
        Commit(Publish(1));
        Assert.True(Engine.TrySubmit([Publish(2)]));
        Assert.True(Engine.Take([], 10, CancellationToken.None));

        Crash();

        Assert.Equal(1, Store.Position);
    }

    [Fact]
    public void A_commit_that_fails_shows_nothing_and_the_next_one_works()
    {
        Commit(Publish(1));
        FailNextCommit();

        Assert.Throws<DiskException>(() => Commit(Publish(2)));
        Assert.Equal(1, Store.Position);
        Assert.Equal(1, Store.Find("a")!.Version);
        Assert.Equal(2, Commit(Publish(3)).Seq);

        Crash();

        Assert.Equal(2, Store.Position);
    }

    private static Command.Publish Publish(long number) => new(
        "a", "ann", PublishBody.Parse(Encoding.UTF8.GetBytes("{\"activity\":{\"number\":" + number + "}}"), Limits.Default), Ref: number);

    private static long RefOf(Command command) => ((Command.Publish)command).Ref;

    private Outcome Commit(Command.Publish publish)
    {
        Assert.True(Engine.TrySubmit([publish]));
        var batch = new List<Command>();
        Assert.True(Engine.Take(batch, 10, CancellationToken.None));
        var replica = new Replica(Store.Origin, Store.Mark, Store, ReplicaOptions.Default);
        var outbox = new Outbox();
        foreach (var command in batch)
        {
            replica.Apply(command, 1_700_000_000_000_000, outbox);
        }

        Engine.Commit(outbox);
        replica.Commit();
        return outbox.Outcomes[^1];
    }
}
