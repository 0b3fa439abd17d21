namespace Stentor.Storage.Tests;

public sealed class DoorbellTests
{
    [Fact(Timeout = 60_000)]
    public async Task Nothing_is_left_lying_however_the_two_sides_meet()
    {
        const int Rounds = 50_000;
        var gate = new Lock();
        var bell = new Doorbell();
        var answer = new Doorbell();
        var (added, taken) = (0, 0);
        var stop = TestContext.Current.CancellationToken;

        // Each waits for the other, so one lost ring stops both for ever.
        var taking = Task.Factory.StartNew(
            () =>
            {
                while (taken < Rounds && !stop.IsCancellationRequested)
                {
                    Await(bell, () => added > taken);
                    lock (gate)
                    {
                        taken++;
                    }

                    answer.Ring();
                }
            },
            stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var adding = Task.Factory.StartNew(
            () =>
            {
                while (added < Rounds && !stop.IsCancellationRequested)
                {
                    lock (gate)
                    {
                        added++;
                    }

                    bell.Ring();
                    Await(answer, () => taken == added);
                }
            },
            stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        await Task.WhenAll(taking, adding);

        Assert.Equal((Rounds, Rounds), (added, taken));

        void Await(Doorbell mine, Func<bool> isThere)
        {
            while (!stop.IsCancellationRequested)
            {
                lock (gate)
                {
                    if (isThere())
                    {
                        return;
                    }

                    mine.Expect();
                }

                mine.Wait();
            }
        }
    }

    [Fact]
    public void A_wait_ends_when_its_time_is_over()
    {
        var bell = new Doorbell();
        bell.Expect();

        bell.Wait(milliseconds: 1);

        bell.Ring(); // Of use to the next wait.
        bell.Wait();
    }
}
