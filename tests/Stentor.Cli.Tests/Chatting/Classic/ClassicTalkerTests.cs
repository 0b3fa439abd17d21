using Stentor.Cli.Chatting.Classic;

namespace Stentor.Cli.Tests.Chatting.Classic;

/// <summary>The arithmetic of the classic conversation.</summary>
public sealed class ClassicTalkerTests
{
    [Fact]
    public void The_conversation_is_shown_at_the_times_of_the_reference_document()
    {
        var alice = new ClassicTalker("Alice", server: 1);
        var bob = new ClassicTalker("Bob", server: 2);

        var lost = alice.Say(ClassicWord.Lost, alice.Consider(ClassicWord.Lost).Time);
        var aliceIsTold = alice.Waited(3);
        var found = alice.Say(ClassicWord.Found, alice.Consider(ClassicWord.Found).Time);
        bob.Shown(lost);
        bob.Shown(found);
        var bobIsTold = bob.Waited(5);
        var verdict = bob.Consider(ClassicWord.Glad);
        var glad = bob.Say(ClassicWord.Glad, verdict.Time);

        Assert.Equal([1, 3, 5], TimesOf(lost));
        Assert.Equal([5, 7, 9], TimesOf(found));
        Assert.Equal([10, 8, 10], TimesOf(glad));
        Assert.Equal("The time is now 4 seconds.", aliceIsTold);
        Assert.Equal("The time is now 5 seconds.", bobIsTold);
        Assert.Equal(3, verdict.StallSeconds);
        Assert.Equal("GLAD received before dependency, stalling for 3 seconds.", verdict.Message);
        Assert.Equal(8, bob.Clock);
    }

    [Fact]
    public void A_server_says_who_said_what_where_and_when()
    {
        var lost = new ClassicMessage("Alice", ClassicWord.Lost, Server: 1, Time: 1);

        Assert.Equal("Alice: I have lost my wedding ring! (received directly from client at time 1)", lost.LineAt(1));
        Assert.Equal("Alice: I have lost my wedding ring! (received from Server 1 at time 3)", lost.LineAt(2));
        Assert.Equal("Alice: I have lost my wedding ring! (received from Server 1 at time 13)", lost.LineAt(7));
    }

    [Fact]
    public void Found_before_lost_is_refused()
    {
        var alice = new ClassicTalker("Alice", server: 1);

        var verdict = alice.Consider(ClassicWord.Found);

        Assert.True(verdict.IsRefused);
        Assert.Contains("FOUND received before dependency: 'lost' is not here yet", verdict.Message, StringComparison.Ordinal);
        Assert.Equal(0, alice.Clock);
    }

    [Fact]
    public void Only_what_one_has_lost_oneself_is_found()
    {
        var alice = new ClassicTalker("Alice", server: 1);
        alice.Shown(new ClassicMessage("Carol", ClassicWord.Lost, Server: 3, Time: 1));

        Assert.True(alice.Consider(ClassicWord.Found).IsRefused);
    }

    [Fact]
    public void Glad_before_found_is_refused()
    {
        var bob = new ClassicTalker("Bob", server: 2);
        bob.Shown(new ClassicMessage("Alice", ClassicWord.Lost, Server: 1, Time: 1));

        var verdict = bob.Consider(ClassicWord.Glad);

        Assert.True(verdict.IsRefused);
        Assert.Contains("GLAD received before dependency: 'found' is not here yet", verdict.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 8, 8)] // Bob has not waited: all of it is stalled.
    [InlineData(6, 8, 2)]
    [InlineData(7, 8, 0)] // His clock is where the message is: one tick later is late enough.
    [InlineData(20, 21, 0)]
    public void An_answer_is_shown_after_what_it_answers_in_any_tempo(int waited, long time, long stall)
    {
        var bob = new ClassicTalker("Bob", server: 2);
        bob.Shown(new ClassicMessage("Alice", ClassicWord.Found, Server: 1, Time: 5));
        bob.Waited(waited);

        var verdict = bob.Consider(ClassicWord.Glad);

        Assert.Equal((time, stall), (verdict.Time, verdict.StallSeconds));
    }

    [Fact]
    public void Whoever_has_talked_before_goes_on_from_there()
    {
        var alice = new ClassicTalker("Alice", server: 1);
        alice.Say(ClassicWord.Lost, alice.Consider(ClassicWord.Lost).Time);
        alice.Say(ClassicWord.Found, alice.Consider(ClassicWord.Found).Time);

        Assert.Equal(3, alice.Consider(ClassicWord.Lost).Time);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("12", 12)]
    [InlineData("0", null)]
    [InlineData("-1", null)]
    [InlineData("eu", null)]
    public void A_region_with_a_number_for_a_name_is_a_server(string region, int? server)
    {
        Assert.Equal(server, ClassicMessage.ServerOf(region));
    }

    private static IEnumerable<long> TimesOf(ClassicMessage message) => Enumerable.Range(1, 3).Select(message.TimeAt);
}
